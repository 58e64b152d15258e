// The tiny world's task data: SQuAD, XQuAD, MLQA, MNLI, XNLI, COPA and XCOPA files in their published formats.
// Reading them, tokenizing and scoring are the readers' and tasks' affair; nothing here is special to them.
import {
  ask,
  both,
  clause,
  eventClause,
  EVENTS,
  type Fact,
  factKey,
  otherThan,
  paragraph,
  PERSONS,
  randomFacts,
  somePersons,
  someRelations,
  stop,
  STRANGERS,
  thingCount,
} from "./grammar.ts";
import type { Form } from "./lexicon.ts";
import { hash32, type Rng, rngFor } from "./rng.ts";

/** Numbers of items: Table 5's splits in miniature. */
export const SIZES = {
  squadTrain: 3000,
  squadDev: 100,
  xquad: 80,
  mlqa: 80,
  mnliTrain: 3000,
  xnliDev: 120,
  xnliTest: 100,
  copaTrain: 400,
  copaDev: 100,
  copaTest: 100,
  xcopaVal: 40,
  xcopaTest: 100,
} as const;

/** Instances whose key is reserved are for the tasks; the pretraining corpus leaves exactly these out. */
export function reserved(key: string): boolean {
  return hash32(key) % 4 === 0;
}

export interface QaItem {
  facts: Fact[];
  forms: Form[];
  /** Index of the fact that is asked about, and whether its person or its thing is the answer. */
  asked: number;
  form: "who" | "what";
}

type Cast = (rng: Rng, count: number) => number[];

/** Persons of a task's item, of whom this share are strangers: it is they who put transfer to a test. */
const withStrangers = (share: number): Cast => (rng, count) => {
  const known = somePersons(rng, count);
  const strangers = rng.shuffle(Array.from({ length: STRANGERS }, (_, i) => PERSONS + i));
  return known.map((person, i) => rng.chance(share) ? strangers[i]! : person);
};
const casts = { qa: withStrangers(0.35), nli: withStrangers(0.35), copa: withStrangers(0.6) };

/**
 * A question about one of a few facts: sometimes the answer's type is enough, mostly the fact must be found. The corpus casts
 * persons that it knows.
 */
export function qaItem(rng: Rng, factCount: number, cast: Cast = somePersons): QaItem {
  for (;;) {
    const easy = rng.chance(0.25);
    const relations = someRelations(rng, easy ? 3 : 2);
    const facts = randomFacts(rng, factCount, relations, cast(rng, 3));
    if (facts.length < factCount) continue;
    const form = easy || rng.chance(0.55) ? "what" : "who";
    const same = (f: Fact) => facts.filter((g) => g.relation === f.relation).length;
    const fitting = facts.map((_, i) => i).filter((i) => form === "who" || (same(facts[i]!) === 1) === easy);
    if (fitting.length === 0) continue;
    const forms = facts.map((): Form => rng.chance(0.3) ? "paraphrase" : "statement");
    return { facts, forms, asked: rng.pick(fitting), form };
  }
}

export function qaKey(item: QaItem): string {
  return `${factKey(item.facts)}?${item.form}:${factKey([item.facts[item.asked]!])}`;
}

export function qaText(
  language: string,
  item: QaItem,
): { context: string; question: string; answer: string; start: number } {
  const told = item.facts.map((f, i) => clause(language, f, item.forms[i]!));
  const { text: context, offsets } = paragraph(language, told.map((s) => stop(language, s.text)));
  const sentence = told[item.asked]!;
  const [from, to] = (item.form === "who" ? sentence.person : sentence.thing)!;
  const start = offsets[item.asked]! + from;
  return {
    context,
    question: ask(language, clause(language, item.facts[item.asked]!, item.form).text),
    answer: context.slice(start, offsets[item.asked]! + to),
    start,
  };
}

export const NLI_LABELS = ["entailment", "neutral", "contradiction"] as const;

/** Something said: a fact in one of its forms; a negation denies it. */
export interface Claim {
  fact: Fact;
  form: Form;
}

/** A premise with one claim about it: what the corpus tells. The tasks ask about two claims together, see `inference`. */
export interface NliItem {
  premise: Claim[];
  hypothesis: Claim;
  /** 0 entailment, 1 neutral, 2 contradiction. */
  label: number;
}

function premiseOf(rng: Rng, facts: readonly Fact[]): Claim[] {
  return facts.map((fact) => ({ fact, form: (rng.chance(0.25) ? "paraphrase" : "statement") as Form }));
}

/** In this world a person has one thing in each relation, so another thing contradicts and its denial follows. */
function claimAbout(rng: Rng, premise: readonly Claim[], label: number, persons = PERSONS): Claim {
  const facts = premise.map((each) => each.fact);
  const at = rng.int(facts.length);
  const fact = facts[at]!;
  const told: Form = rng.chance(premise[at]!.form === "statement" ? 0.5 : 0.2) ? "paraphrase" : "statement";
  const other = { ...fact, thing: otherThan(rng, thingCount(fact.relation), facts.map((f) => f.thing)) };
  if (label === 0) return rng.chance(0.75) ? { fact, form: told } : { fact: other, form: "negation" };
  if (label === 2) return rng.chance(0.45) ? { fact, form: "negation" } : { fact: other, form: told };
  const person = otherThan(rng, persons, facts.map((f) => f.person));
  const relation = someRelations(rng, 7).find((r) => !facts.some((f) => f.relation === r))!;
  const stranger = rng.chance(0.5)
    ? { ...fact, person }
    : { ...fact, relation, thing: rng.int(thingCount(relation)) };
  return { fact: stranger, form: rng.chance(0.25) ? "negation" : told };
}

export function nliItem(rng: Rng, label: number): NliItem {
  const facts = randomFacts(rng, rng.chance(0.5) ? 1 : 2, someRelations(rng, 2), somePersons(rng, 2));
  const premise = premiseOf(rng, facts);
  return { premise, hypothesis: claimAbout(rng, premise, label), label };
}

const claimKey = ({ fact, form }: Claim) => `${form === "negation" ? "not " : ""}${factKey([fact])}`;
const premiseKey = (premise: readonly Claim[]) => factKey(premise.map((each) => each.fact));

export function nliKey({ premise, hypothesis }: NliItem): string {
  return `${premiseKey(premise)}>${claimKey(hypothesis)}`;
}

const everyone = PERSONS + STRANGERS;

/** Two claims joined by "and", a word that the corpus never uses. */
interface Inference {
  premise: Claim[];
  hypothesis: [Claim, Claim];
  label: number;
}

/** Entailed if both claims are, contradicted if one is, else neutral. */
function inference(rng: Rng, label: number): Inference {
  for (;;) {
    const premise = premiseOf(rng, randomFacts(rng, 2, someRelations(rng, 2), casts.nli(rng, 2)));
    const others = [[0], [0, 1], [0, 1]][label]!;
    const first = claimAbout(rng, premise, label, everyone);
    const second = claimAbout(rng, premise, rng.pick(others), everyone);
    if (premise.length < 2 || factKey([first.fact]) === factKey([second.fact])) continue;
    return { premise, hypothesis: rng.chance(0.5) ? [first, second] : [second, first], label };
  }
}

const inferenceKey = ({ premise, hypothesis }: Inference) =>
  `${premiseKey(premise)}>${hypothesis.map(claimKey).join("&")}`;

function inferenceText(
  language: string,
  { premise, hypothesis }: Inference,
): { premise: string; hypothesis: string } {
  const say = ({ fact, form }: Claim) => clause(language, fact, form).text;
  return {
    premise: paragraph(language, premise.map((each) => stop(language, say(each)))).text,
    hypothesis: stop(language, both(language, say(hypothesis[0]), say(hypothesis[1]))),
  };
}

/** A person and what happened to them, by concept number. */
interface Happening {
  person: number;
  event: number;
}

/** Two things happened to two persons; one of two choices is a cause or effect of one of them. */
interface CopaItem {
  told: [Happening, Happening];
  asksFor: "cause" | "effect";
  right: Happening;
  /** Mostly the other one's cause or effect: only the person tells that it does not fit. */
  wrong: Happening;
  /** 0 or 1: which choice is right. */
  label: number;
}

function copaItem(rng: Rng): CopaItem {
  const [one, two] = casts.copa(rng, 2);
  const event = rng.int(EVENTS);
  const other = otherThan(rng, EVENTS, [event]);
  const right = { person: one!, event };
  const rival = { person: two!, event: other };
  return {
    told: rng.chance(0.5) ? [right, rival] : [rival, right],
    asksFor: rng.chance(0.5) ? "cause" : "effect",
    right,
    wrong: { person: one!, event: rng.chance(0.6) ? other : otherThan(rng, EVENTS, [event, other]) },
    label: rng.int(2),
  };
}

/** A person together with an event: what the corpus leaves out for the tasks, in any telling. */
export function copaKey(event: number, person: number): string {
  return `event ${event} of ${person}`;
}

function copaText(language: string, item: CopaItem): { premise: string; choices: [string, string] } {
  const { told, asksFor, label } = item;
  const say = (kind: "cause" | "effect", { event, person }: Happening) =>
    stop(language, eventClause(language, kind, event, person));
  const given = asksFor === "cause" ? "effect" : "cause";
  const [right, wrong] = [say(asksFor, item.right), say(asksFor, item.wrong)];
  return {
    premise: paragraph(language, told.map((each) => say(given, each))).text,
    choices: label === 0 ? [right, wrong] : [wrong, right],
  };
}

const isReserved = <T>(keyOf: (item: T) => string) => (item: T): boolean => reserved(keyOf(item));

/** Distinct items held back from the corpus that no earlier call with the same `seen` has returned. */
function draw<T>(
  count: number,
  seen: Set<string>,
  make: (i: number) => T,
  keyOf: (item: T) => string,
  isHeld: (item: T) => boolean,
): T[] {
  const items: T[] = [];
  for (let tries = 0; items.length < count; tries++) {
    if (tries > 2000 * (count + 1)) {
      throw new Error(`tiny world: only ${items.length} of ${count} distinct items; lower SIZES`);
    }
    const item = make(items.length);
    const key = keyOf(item);
    if (seen.has(key) || !isHeld(item)) continue;
    seen.add(key);
    items.push(item);
  }
  return items;
}

/** Facts in a context of the question answering sets; the corpus tells at most four. */
const FACTS = 5;

const XQUAD = ["en", "ar", "de", "el", "es", "hi", "ru", "th", "tr", "vi", "zh"];
const MLQA = ["en", "ar", "de", "es", "hi", "vi", "zh"];
const XNLI = ["en", "ar", "de", "el", "es", "hi", "ru", "sw", "th", "tr", "vi", "zh"];
const XCOPA = ["et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"];

function squadJson(name: string, language: string, items: readonly QaItem[]): string {
  const paragraphs = items.map((item, i) => {
    const { context, question, answer, start } = qaText(language, item);
    return {
      context,
      qas: [{ id: `${name}-${i}`, question, answers: [{ text: answer, answer_start: start }] }],
    };
  });
  return JSON.stringify({ version: "1.1", data: [{ title: name, paragraphs }] });
}

const lines = (rows: readonly string[]) => rows.map((r) => r + "\n").join("");

function nliRow(language: string, item: Inference, labelled: boolean): string {
  const { premise, hypothesis } = inferenceText(language, item);
  return [premise, hypothesis, ...(labelled ? [NLI_LABELS[item.label]!] : [])].join("\t");
}

function copaXml(items: readonly CopaItem[], firstId: number): string {
  const body = items.map((item, i) => {
    const { premise, choices } = copaText("en", item);
    const open = `  <item id="${firstId + i}" asks-for="${item.asksFor}" most-plausible-alternative="${
      item.label + 1
    }">`;
    return `${open}\n    <p>${premise}</p>\n    <a1>${choices[0]}</a1>\n    <a2>${
      choices[1]
    }</a2>\n  </item>\n`;
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<copa-corpus version="1.0">\n${
    body.join("")
  }</copa-corpus>\n`;
}

function xcopaRow(language: string, item: CopaItem, idx: number): string {
  const { premise, choices } = copaText(language, item);
  const [choice1, choice2] = choices;
  return JSON.stringify({
    premise,
    choice1,
    choice2,
    question: item.asksFor,
    label: item.label,
    idx,
    changed: false,
  });
}

/** Every file of the tiny world's data root, by path. */
export function taskFiles(): Map<string, string> {
  const files = new Map<string, string>();
  const seen = new Set<string>();
  const qa = (name: string, count: number) => {
    const rng = rngFor("tiny world", name);
    return draw(count, seen, () => qaItem(rng, FACTS, casts.qa), qaKey, isReserved(qaKey));
  };
  const nli = (name: string, count: number) => {
    const rng = rngFor("tiny world", name);
    return draw(count, seen, (i) => inference(rng, i % 3), inferenceKey, isReserved(inferenceKey));
  };
  const copa = (name: string, count: number) => {
    const rng = rngFor("tiny world", name);
    const split = ({ told, asksFor, right, wrong }: CopaItem) =>
      JSON.stringify([told, asksFor, right.person, wrong.event]);
    const held = ({ told }: CopaItem) => told.every(({ event, person }) => reserved(copaKey(event, person)));
    return draw(count, seen, () => copaItem(rng), split, held);
  };

  files.set("squad/train-v1.1.json", squadJson("train", "en", qa("squad/train", SIZES.squadTrain)));
  files.set("squad/dev-v1.1.json", squadJson("dev", "en", qa("squad/dev", SIZES.squadDev)));
  const xquad = qa("xquad", SIZES.xquad);
  for (const l of XQUAD) files.set(`xquad/xquad.${l}.json`, squadJson("xquad", l, xquad));
  const mlqa = qa("mlqa", SIZES.mlqa);
  for (const l of MLQA) files.set(`mlqa/test-context-${l}-question-${l}.json`, squadJson("mlqa", l, mlqa));

  files.set(
    "mnli/train.tsv",
    lines(nli("mnli/train", SIZES.mnliTrain).map((item) => nliRow("en", item, true))),
  );
  const dev = nli("xnli/dev", SIZES.xnliDev);
  const test = nli("xnli/test", SIZES.xnliTest);
  for (const l of XNLI) {
    files.set(`xnli/dev-${l}.tsv`, lines(dev.map((item) => nliRow(l, item, true))));
    files.set(`xnli/test-${l}.tsv`, lines(test.map((item) => nliRow(l, item, false))));
  }
  files.set("xnli/test-labels.tsv", lines(test.map((item) => `${NLI_LABELS[item.label]}\ttinyworld`)));

  const train = copa("copa/dev", SIZES.copaTrain + SIZES.copaDev);
  files.set("copa/copa-dev.xml", copaXml(train, 1));
  files.set("copa/copa-test.xml", copaXml(copa("copa/test", SIZES.copaTest), train.length + 1));
  const val = copa("xcopa/val", SIZES.xcopaVal);
  const choice = copa("xcopa/test", SIZES.xcopaTest);
  for (const l of XCOPA) {
    files.set(`xcopa/${l}/val.${l}.jsonl`, lines(val.map((item, i) => xcopaRow(l, item, i))));
    files.set(`xcopa/${l}/test.${l}.jsonl`, lines(choice.map((item, i) => xcopaRow(l, item, i))));
  }
  return files;
}
