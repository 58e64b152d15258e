// The pretraining corpus: documents of two segments in one language, or one segment in each of two.
// Masking, batching and the objectives are pretrain.ts's affair; the tasks' own instances are left out here.
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
import type { Form, Language, Link } from "./lexicon.ts";
import type { Rng } from "./rng.ts";
import { copaKey, nliItem, nliKey, qaItem, qaKey, reserved } from "./tasks.ts";

/** Two segments; `follows` is false where the second comes from another document. */
export interface Document {
  first: string;
  second: string;
  follows: boolean;
}

/** How often each kind of document is told (weights), and how often the second segment belongs elsewhere. */
export const MIX = { retelling: 25, question: 40, dialogue: 18, story: 12, astray: 0.25 };
export type Mix = typeof MIX;

const tell = (rng: Rng): Form => rng.chance(0.3) ? "paraphrase" : "statement";

function narrate(rng: Rng, language: string, facts: readonly Fact[]): string {
  return paragraph(language, facts.map((f) => stop(language, clause(language, f, tell(rng)).text))).text;
}

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

/** One or two facts, and the story they are taken from. */
function retelling(rng: Rng, a: string, b: string, astray: boolean): Document {
  const facts = randomFacts(rng, 3 + rng.int(2), someRelations(rng, 2), somePersons(rng, 3));
  const taken = rng.shuffle(facts).slice(0, facts.length === 3 ? 2 : 1);
  const short = narrate(rng, a, astray ? stray(rng, taken, facts) : taken);
  const long = narrate(rng, b, facts);
  return rng.chance(0.6)
    ? { first: short, second: long, follows: !astray }
    : { first: long, second: short, follows: !astray };
}

/** A question, mostly with its answer, and the story it is about. */
function question(rng: Rng, a: string, b: string, astray: boolean): Document {
  for (;;) {
    const item = qaItem(rng, 3 + rng.int(2));
    if (reserved(qaKey(item))) continue;
    const asked = item.facts[item.asked]!;
    const about = astray ? stray(rng, [asked], item.facts)[0]! : asked;
    let short = ask(a, clause(a, about, item.form).text);
    if (rng.chance(0.6)) {
      const whole = clause(a, about, "statement");
      const [from, to] = (item.form === "who" ? whole.person : whole.thing)!;
      short = paragraph(a, [short, stop(a, whole.text.slice(from, to))]).text;
    }
    const told = item.facts.map((f, i) => stop(b, clause(b, f, item.forms[i]!).text));
    const long = paragraph(b, told).text;
    return rng.chance(0.75)
      ? { first: short, second: long, follows: !astray }
      : { first: long, second: short, follows: !astray };
  }
}

/** One says something, another agrees, disagrees or wonders. */
function dialogue(rng: Rng, a: string, b: string, astray: boolean): Document {
  for (;;) {
    const label = rng.int(3);
    const item = nliItem(rng, label);
    if (reserved(nliKey(item))) continue;
    const { fact, form } = item.hypothesis;
    const link = (["yes", "maybe", "no"] as const)[label]!;
    const said = astray
      ? { ...fact, person: otherThan(rng, PERSONS, item.premise.map((p) => p.fact.person)) }
      : fact;
    const first = paragraph(a, item.premise.map((p) => stop(a, clause(a, p.fact, p.form).text))).text;
    const words = clause(b, said, form).text;
    return { first, second: stop(b, rng.chance(0.8) ? linked(b, link, words) : words), follows: !astray };
  }
}

/** What happened, and why or what came of it: told with a link word, or asked for in English. */
function story(rng: Rng, a: string, b: string, astray: boolean): Document {
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
    const asked = rng.chance(0.5);
    return {
      first: asked ? `${first} What was the ${wanted}?` : first,
      second: stop(b, asked ? then : linked(b, link, then)),
      follows: !astray,
    };
  }
}

/** A document whose segments are in language `a` and `b` (the same, or two different ones). */
export function document(rng: Rng, a: Language, b: Language, mix: Mix = MIX): Document {
  const kinds = [retelling, question, dialogue, story];
  const kind = kinds[rng.weighted([mix.retelling, mix.question, mix.dialogue, mix.story])]!;
  return kind(rng, a, b, rng.chance(mix.astray));
}
