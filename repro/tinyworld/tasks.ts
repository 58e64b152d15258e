// The tiny world's task data: SQuAD, XQuAD, MLQA, MNLI, XNLI, COPA and XCOPA files in their published formats.
// Reading them, tokenizing and scoring are the readers' and tasks' affair; nothing here is special to them.
import {
  ask,
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

/** A question about one of a few facts: sometimes the answer's type is enough, mostly the fact must be found. */
export function qaItem(rng: Rng, factCount: number): QaItem {
  for (;;) {
    const easy = rng.chance(0.25);
    const relations = someRelations(rng, easy ? 3 : 2);
    const facts = randomFacts(rng, factCount, relations, somePersons(rng, 3));
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

export interface NliItem {
  premise: { fact: Fact; form: Form }[];
  hypothesis: { fact: Fact; form: Form };
  /** 0 entailment, 1 neutral, 2 contradiction. */
  label: number;
}

/** In this world a person has one thing in each relation, so another thing contradicts and its denial follows. */
export function nliItem(rng: Rng, label: number): NliItem {
  const facts = randomFacts(rng, rng.chance(0.5) ? 1 : 2, someRelations(rng, 2), somePersons(rng, 2));
  const premise = facts.map((fact) => ({
    fact,
    form: (rng.chance(0.25) ? "paraphrase" : "statement") as Form,
  }));
  const at = rng.int(facts.length);
  const fact = facts[at]!;
  const told: Form = rng.chance(premise[at]!.form === "statement" ? 0.5 : 0.2) ? "paraphrase" : "statement";
  const other = { ...fact, thing: otherThan(rng, thingCount(fact.relation), facts.map((f) => f.thing)) };
  if (label === 0) {
    const hypothesis = rng.chance(0.75) ? { fact, form: told } : { fact: other, form: "negation" as Form };
    return { premise, hypothesis, label };
  }
  if (label === 2) {
    const hypothesis = rng.chance(0.45) ? { fact, form: "negation" as Form } : { fact: other, form: told };
    return { premise, hypothesis, label };
  }
  const person = otherThan(rng, PERSONS, facts.map((f) => f.person));
  const relation = someRelations(rng, 7).find((r) => !facts.some((f) => f.relation === r))!;
  const stranger = rng.chance(0.5)
    ? { ...fact, person }
    : { ...fact, relation, thing: rng.int(thingCount(relation)) };
  return { premise, hypothesis: { fact: stranger, form: rng.chance(0.25) ? "negation" : told }, label };
}

export function nliKey(item: NliItem): string {
  const { hypothesis: h } = item;
  return `${factKey(item.premise.map((p) => p.fact))}>${h.form === "negation" ? "not " : ""}${
    factKey([h.fact])
  }`;
}

export function nliText(language: string, item: NliItem): { premise: string; hypothesis: string } {
  const say = (p: { fact: Fact; form: Form }) => stop(language, clause(language, p.fact, p.form).text);
  return { premise: paragraph(language, item.premise.map(say)).text, hypothesis: say(item.hypothesis) };
}

export interface CopaItem {
  event: number;
  person: number;
  asksFor: "cause" | "effect";
  wrong: number;
  /** 0 or 1: which choice is right. */
  label: number;
}

export function copaItem(rng: Rng): CopaItem {
  const event = rng.int(EVENTS);
  return {
    event,
    person: rng.int(PERSONS),
    asksFor: rng.chance(0.5) ? "cause" : "effect",
    wrong: otherThan(rng, EVENTS, [event]),
    label: rng.int(2),
  };
}

/** A person together with an event: what the corpus leaves out for the tasks, in any telling. */
export function copaKey(event: number, person: number): string {
  return `event ${event} of ${person}`;
}

export function copaText(language: string, item: CopaItem): { premise: string; choices: [string, string] } {
  const given = item.asksFor === "cause" ? "effect" : "cause";
  const say = (kind: "cause" | "effect", event: number) =>
    stop(language, eventClause(language, kind, event, item.person));
  const right = say(item.asksFor, item.event);
  const wrong = say(item.asksFor, item.wrong);
  return { premise: say(given, item.event), choices: item.label === 0 ? [right, wrong] : [wrong, right] };
}

/** Distinct reserved items that no earlier call with the same `seen` has returned. */
function draw<T>(
  count: number,
  seen: Set<string>,
  make: (i: number) => T,
  split: (item: T) => string,
  hold: (item: T) => string,
): T[] {
  const items: T[] = [];
  for (let tries = 0; items.length < count; tries++) {
    if (tries > 2000 * (count + 1)) {
      throw new Error(`tiny world: only ${items.length} of ${count} distinct items; lower SIZES`);
    }
    const item = make(items.length);
    const key = split(item);
    if (seen.has(key) || !reserved(hold(item))) continue;
    seen.add(key);
    items.push(item);
  }
  return items;
}

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

function nliRow(language: string, item: NliItem, labelled: boolean): string {
  const { premise, hypothesis } = nliText(language, item);
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
  const qa = (name: string, count: number, facts: number) => {
    const rng = rngFor("tiny world", name);
    return draw(count, seen, () => qaItem(rng, facts), qaKey, qaKey);
  };
  const nli = (name: string, count: number) => {
    const rng = rngFor("tiny world", name);
    return draw(count, seen, (i) => nliItem(rng, i % 3), nliKey, nliKey);
  };
  const copa = (name: string, count: number) => {
    const rng = rngFor("tiny world", name);
    const split = (c: CopaItem) => [c.event, c.person, c.asksFor, c.wrong].join();
    return draw(count, seen, () => copaItem(rng), split, (c) => copaKey(c.event, c.person));
  };

  files.set("squad/train-v1.1.json", squadJson("train", "en", qa("squad/train", SIZES.squadTrain, 4)));
  files.set("squad/dev-v1.1.json", squadJson("dev", "en", qa("squad/dev", SIZES.squadDev, 4)));
  const xquad = qa("xquad", SIZES.xquad, 4);
  for (const l of XQUAD) files.set(`xquad/xquad.${l}.json`, squadJson("xquad", l, xquad));
  const mlqa = qa("mlqa", SIZES.mlqa, 4);
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
