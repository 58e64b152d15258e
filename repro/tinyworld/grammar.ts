// Turns facts and events into sentences of any of the languages, with the exact place of the answer.
// Which facts are told, asked or denied is decided by the task and corpus generators.
import {
  AGE_COUNT,
  type Form,
  type Lexicon,
  lexicon,
  type Link,
  type Relation,
  RELATIONS,
} from "./lexicon.ts";
import type { Rng } from "./rng.ts";

/** `person` stands in `relation` to `thing`, each a concept number. */
export interface Fact {
  relation: Relation;
  person: number;
  thing: number;
}

/** A stretch of text with the span of the person and of the thing in it (code points, end exclusive). */
export interface Sentence {
  text: string;
  person?: [number, number];
  thing?: [number, number];
}

/** Persons of the corpus come first in number, then those whom only the tasks know. */
export const PERSONS = 20;
export const STRANGERS = 10;
export const EVENTS = 12;

export function thingCount(relation: Relation): number {
  return relation === "age" ? AGE_COUNT : lexicon("en").things[relation].length;
}

export function randomRelation(rng: Rng): Relation {
  return rng.pick(RELATIONS);
}

export function otherThan(rng: Rng, count: number, avoid: readonly number[]): number {
  for (;;) {
    const x = rng.int(count);
    if (!avoid.includes(x)) return x;
  }
}

const nameOf = ({ names, strangers }: Lexicon, person: number) => [...names, ...strangers][person]!;

/** `prefix~noun` as written, and how many characters come before the noun. */
function phrase(lex: Lexicon, entry: string): { text: string; skip: number } {
  const glue = lex.unspaced ? "" : " ";
  const at = entry.indexOf("~");
  if (at < 0) return { text: lex.unspaced ? entry.replaceAll(" ", "") : entry, skip: 0 };
  return { text: entry.slice(0, at) + glue + entry.slice(at + 1), skip: at + glue.length };
}

/** A fact in one of its forms, without final punctuation. */
export function clause(language: string, fact: Fact, form: Form): Sentence {
  const lex = lexicon(language);
  const pattern = lex.patterns[fact.relation][form];
  const person = phrase(lex, nameOf(lex, fact.person));
  const thing = phrase(lex, lex.things[fact.relation][fact.thing]!);
  const out: Sentence = { text: "" };
  for (const part of pattern.split(/(\{[so]\})/)) {
    if (part === "{s}" || part === "{o}") {
      const { text, skip } = part === "{s}" ? person : thing;
      const span: [number, number] = [out.text.length + skip, out.text.length + text.length];
      if (part === "{s}") out.person = span;
      else out.thing = span;
      out.text += text;
    } else out.text += lex.unspaced ? part.replaceAll(" ", "") : part;
  }
  return out;
}

/** An event with its person: cause i leads to effect i. */
export function eventClause(
  language: string,
  kind: "cause" | "effect",
  event: number,
  person: number,
): string {
  const lex = lexicon(language);
  const words = (kind === "cause" ? lex.causes : lex.effects)[event]!;
  const name = nameOf(lex, person);
  return lex.unspaced ? name + words.replaceAll(" ", "") : `${name} ${words}`;
}

export function stop(language: string, text: string): string {
  return text + lexicon(language).stop;
}

export function ask(language: string, text: string): string {
  return text + lexicon(language).question;
}

/** "yes, …", "because …": a link word before a clause, with a comma after words that answer. */
export function linked(language: string, link: Link, text: string): string {
  const lex = lexicon(language);
  const comma = link === "yes" || link === "no" || link === "maybe" ? lex.comma : "";
  return lex.unspaced
    ? lex.links[link].replaceAll(" ", "") + comma + text
    : `${lex.links[link]}${comma} ${text}`;
}

/** Two clauses joined by the word for "and". */
export function both(language: string, first: string, second: string): string {
  const lex = lexicon(language);
  return lex.unspaced
    ? first + lex.links.and.replaceAll(" ", "") + second
    : `${first} ${lex.links.and} ${second}`;
}

/** Sentences one after the other; `offsets[i]` is where sentence i starts. */
export function paragraph(
  language: string,
  sentences: readonly string[],
): { text: string; offsets: number[] } {
  const gap = language === "zh" ? "" : " ";
  let text = "";
  const offsets = sentences.map((sentence, i) => {
    if (i > 0) text += gap;
    const at = text.length;
    text += sentence;
    return at;
  });
  return { text, offsets };
}

/**
 * `count` facts that contradict nothing: no person has two things in one relation, and no thing of a relation
 * two persons. Few relations and few persons, so that neither alone singles a fact out.
 */
export function randomFacts(
  rng: Rng,
  count: number,
  relations: readonly Relation[],
  persons: readonly number[],
): Fact[] {
  const facts: Fact[] = [];
  for (let tries = 0; facts.length < count && tries < 200; tries++) {
    const relation = rng.pick(relations);
    const person = rng.pick(persons);
    const thing = rng.int(thingCount(relation));
    const clash = facts.some((f) => f.relation === relation && (f.person === person || f.thing === thing));
    if (!clash) facts.push({ relation, person, thing });
  }
  return facts;
}

export function somePersons(rng: Rng, count: number): number[] {
  return rng.shuffle(Array.from({ length: PERSONS }, (_, i) => i)).slice(0, count);
}

export function someRelations(rng: Rng, count: number): Relation[] {
  return rng.shuffle(RELATIONS).slice(0, count);
}

export function factKey(facts: readonly Fact[]): string {
  return facts.map((f) => `${f.relation}:${f.person}:${f.thing}`).sort().join(";");
}
