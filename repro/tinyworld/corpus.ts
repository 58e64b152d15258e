// The pretraining corpus: documents of two segments in one language, or one segment in each of two, with what the one segment
// tells about the other. Masking and batching are feed.ts's affair; the tasks' own instances are left out here.
import {
  ask,
  clause,
  eventClause,
  EVENTS,
  type Fact,
  linked,
  otherThan,
  paragraph,
  PERSONS,
  randomFacts,
  somePersons,
  someRelations,
  stop,
  thingCount,
} from "./grammar.ts";
import { type Form, type Language, lexicon, type Link } from "./lexicon.ts";
import type { Rng } from "./rng.ts";
import { copaKey, nliItem, nliKey, qaItem, qaKey, reserved } from "./tasks.ts";

/** What one segment is to another: it says the same, something about which the other is silent, or the opposite. */
export type Verdict = "yes" | "maybe" | "no";

/**
 * A stretch of a segment (UTF-16, end exclusive) and what its tokens are to predict. "hidden": themselves, from what the other
 * segment tells; "shown": themselves; "asked": that the other segment asks for them; a verdict: whether the other segment agrees.
 */
export interface Mark {
  from: number;
  to: number;
  kind: "hidden" | "shown" | "asked" | Verdict;
  /** Share of the tokens that take part; default all. */
  share?: number;
}

export interface Segment {
  language: Language;
  text: string;
  marks: Mark[];
}

export interface Document {
  first: Segment;
  second: Segment;
  /** What the second segment is to the first. */
  verdict?: Verdict;
}

/** How often each kind of document is told (weights). */
export interface Mix {
  retelling: number;
  question: number;
  dialogue: number;
  story: number;
}

/** How often a retelling or an answer, and how often a story's second half, does not fit. */
const astray = { facts: 0.3, story: 0.5 };

const roles = ["person", "thing"] as const;
type Role = typeof roles[number];
interface Told {
  fact: Fact;
  form: Form;
  marks?: { role: Role; kind: Mark["kind"] }[];
}

const tell = (rng: Rng): Form => rng.chance(0.3) ? "paraphrase" : "statement";

function segment(language: Language, told: readonly Told[]): Segment {
  const sentences = told.map(({ fact, form }) => clause(language, fact, form));
  const { text, offsets } = paragraph(language, sentences.map((each) => stop(language, each.text)));
  const marks = told.flatMap(({ marks = [] }, i) =>
    marks.map(({ role, kind }): Mark => {
      const [from, to] = sentences[i]![role]!;
      return { from: offsets[i]! + from, to: offsets[i]! + to, kind };
    })
  );
  return { language, text, marks };
}

const plain = (language: Language, text: string): Segment => ({ language, text, marks: [] });

/** The same facts with persons or things exchanged among them: what another document might say. */
function stray(rng: Rng, facts: readonly Fact[], all: readonly Fact[]): Fact[] {
  return facts.map((fact) => {
    const rivals = all.filter((f) => f.relation === fact.relation && f !== fact);
    if (rivals.length > 0 && rng.chance(0.7)) {
      const rival = rng.pick(rivals);
      return rng.chance(0.5) ? { ...fact, thing: rival.thing } : { ...fact, person: rival.person };
    }
    return { ...fact, thing: otherThan(rng, thingCount(fact.relation), all.map((f) => f.thing)) };
  });
}

/** What is said elsewhere about a fact. A person has one thing in a relation, and in one document a thing one person. */
function verdictOn(fact: Fact, elsewhere: readonly Fact[]): Verdict {
  const related = elsewhere.filter((each) => each.relation === fact.relation);
  if (related.some((each) => each.person === fact.person && each.thing === fact.thing)) return "yes";
  return related.some((each) => each.person === fact.person || each.thing === fact.thing) ? "no" : "maybe";
}

const inOrder = (rng: Rng, shortFirst: number, short: Segment, long: Segment) =>
  rng.chance(shortFirst) ? { first: short, second: long } : { first: long, second: short };

/** One or two facts, and the story they are taken from. */
function retelling(rng: Rng, a: Language, b: Language, astray: boolean): Document {
  const facts = randomFacts(rng, 2 + rng.int(3), someRelations(rng, 2), somePersons(rng, 3));
  const taken = new Set(rng.shuffle(facts).slice(0, Math.min(2, facts.length - 1)));
  const told = astray ? stray(rng, [...taken], facts) : [...taken];
  // Of a fact that both tell, at most one side is hidden: the other is there to be looked up.
  const sides = told.map((): "short" | "long" | "none" =>
    astray || rng.chance(0.5) ? "none" : rng.chance(0.6) ? "short" : "long"
  );
  const side = (fact: Fact) => sides[told.indexOf(fact)];
  const tellAll = (own: readonly Fact[], other: readonly Fact[], here: "short" | "long") =>
    own.map((fact): Told => ({
      fact,
      form: tell(rng),
      marks: side(fact) === here
        ? [{ role: rng.pick(roles), kind: "hidden" }]
        : (side(fact) ?? "none") === "none" && rng.chance(0.7)
        ? [{ role: rng.pick(roles), kind: verdictOn(fact, other) }]
        : [],
    }));
  const short = segment(a, tellAll(told, facts, "short"));
  const long = segment(b, tellAll(facts, told, "long"));
  return { ...inOrder(rng, 0.5, short, long), verdict: astray ? "no" : "yes" };
}

/** A question, with its answer or without, and the story it is about. */
function question(rng: Rng, a: Language, b: Language, astray: boolean): Document {
  for (;;) {
    const item = qaItem(rng, 2 + rng.int(3));
    if (reserved(qaKey(item))) continue;
    const asked = item.facts[item.asked]!;
    const role: Role = item.form === "who" ? "person" : "thing";
    const answered = rng.chance(0.4);
    const about = answered && astray ? stray(rng, [asked], item.facts)[0]! : asked;
    const short = plain(a, ask(a, clause(a, about, item.form).text));
    const answerHidden = rng.chance(0.7);
    if (answered) {
      const whole = clause(a, about, "statement");
      const [from, to] = whole[role]!;
      const { text, offsets } = paragraph(a, [short.text, stop(a, whole.text.slice(from, to))]);
      if (!astray && answerHidden) {
        short.marks.push({ from: offsets[1]!, to: offsets[1]! + to - from, kind: "hidden" });
      }
      short.text = text;
    }
    // Of the words that are not asked for, the asked fact's other one and those of one more fact.
    const decoy = rng.pick(item.facts.filter((fact) => fact !== asked));
    const marks = (fact: Fact): Told["marks"] => {
      if (!answered && (fact === asked || fact === decoy)) {
        return roles.map((each) => ({
          role: each,
          kind: fact === asked && each === role ? "asked" : "shown",
        }));
      }
      return answered && fact === asked && !astray && !answerHidden
        ? [{ role: rng.pick(roles), kind: "hidden" }]
        : [];
    };
    const told = item.facts.map((fact, i): Told => ({ fact, form: item.forms[i]!, marks: marks(fact) }));
    return {
      ...inOrder(rng, 0.75, short, segment(b, told)),
      ...(answered ? { verdict: astray ? "no" : "yes" } : {}),
    };
  }
}

/** One says something, another agrees, disagrees or wonders. */
function dialogue(rng: Rng, a: Language, b: Language): Document {
  for (;;) {
    const label = rng.int(3);
    const item = nliItem(rng, label);
    if (reserved(nliKey(item))) continue;
    const premise = item.premise.map((each) => each.fact);
    const verdicts = (facts: readonly Told[], other: readonly Fact[]) =>
      facts.map((each): Told => ({
        ...each,
        marks: [{ role: rng.pick(roles), kind: verdictOn(each.fact, other) }],
      }));
    return {
      first: segment(a, verdicts(item.premise, [item.hypothesis.fact])),
      // A denial is marked as what it denies: the verdict on the whole turns it round.
      second: segment(b, verdicts([item.hypothesis], premise)),
      verdict: (["yes", "maybe", "no"] as const)[label]!,
    };
  }
}

/** What happened, and why or what came of it: told with a link word, or asked for in English. */
function story(rng: Rng, a: Language, b: Language, astray: boolean): Document {
  for (;;) {
    const person = rng.int(PERSONS);
    const event = rng.int(EVENTS);
    if (reserved(copaKey(event, person))) continue;
    const given = rng.chance(0.5) ? "cause" as const : "effect" as const;
    const wanted = given === "cause" ? "effect" as const : "cause" as const;
    const link: Link = given === "cause" ? "so" : "because";
    const other = astray ? otherThan(rng, EVENTS, [event]) : event;
    const first = stop(a, eventClause(a, given, event, person));
    const then = eventClause(b, wanted, other, person);
    const asked = rng.chance(0.6);
    const second = plain(b, stop(b, asked ? then : linked(b, link, then)));
    const end = second.text.length - 1;
    const from = end - then.length + lexicon(b).names[person]!.length;
    const verdict = astray ? "no" : "yes";
    second.marks.push({ from, to: end, kind: astray || rng.chance(0.4) ? verdict : "hidden", share: 0.4 });
    return {
      first: plain(a, asked ? `${first} What was the ${wanted}?` : first),
      second,
      verdict,
    };
  }
}

/** A document whose segments are in language `a` and `b` (the same, or two different ones). */
export function document(rng: Rng, a: Language, b: Language, mix: Mix): Document {
  const kinds = [retelling, question, dialogue, story];
  const kind = kinds[rng.weighted([mix.retelling, mix.question, mix.dialogue, mix.story])]!;
  return kind(rng, a, b, rng.chance(kind === story ? astray.story : astray.facts));
}

/** The word for a verdict in a language. */
export const verdictWord = (language: Language, verdict: Verdict): string => lexicon(language).links[verdict];
