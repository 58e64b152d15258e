// Reads the eighteen word lists into one shape, so that concept i is the same thing in every language.
// How concepts become sentences is grammar.ts's affair.
//
// A list entry `prefix~noun` has an article or preposition that belongs to the phrase but not to an answer.
// A relation line holds five patterns: statement | paraphrase | negation | who-question | what-question,
// with {s} for the person and {o} for the other thing.
import ar from "./lexicon/ar.ts";
import de from "./lexicon/de.ts";
import el from "./lexicon/el.ts";
import en from "./lexicon/en.ts";
import es from "./lexicon/es.ts";
import et from "./lexicon/et.ts";
import hi from "./lexicon/hi.ts";
import ht from "./lexicon/ht.ts";
import id from "./lexicon/id.ts";
import it from "./lexicon/it.ts";
import qu from "./lexicon/qu.ts";
import ru from "./lexicon/ru.ts";
import sw from "./lexicon/sw.ts";
import ta from "./lexicon/ta.ts";
import th from "./lexicon/th.ts";
import tr from "./lexicon/tr.ts";
import vi from "./lexicon/vi.ts";
import zh from "./lexicon/zh.ts";

const SOURCES = { en, ar, de, el, es, hi, ru, th, tr, vi, zh, sw, et, ht, it, id, qu, ta };

export type Language = keyof typeof SOURCES;
export const LANGUAGES = Object.keys(SOURCES) as Language[];

/** Each relation of a person to one thing, and the list its things come from (`age`: a number in digits). */
export const RELATIONS = ["in", "has", "eats", "likes", "job", "from", "age"] as const;
export type Relation = typeof RELATIONS[number];
const THINGS: Record<Exclude<Relation, "age">, string> = {
  in: "places",
  has: "objects",
  eats: "foods",
  likes: "colours",
  job: "jobs",
  from: "countries",
};
export const AGE_MIN = 18;
export const AGE_COUNT = 60;

export const FORMS = ["statement", "paraphrase", "negation", "who", "what"] as const;
export type Form = typeof FORMS[number];

export const LINKS = ["yes", "no", "maybe", "so", "because", "and"] as const;
export type Link = typeof LINKS[number];

/** One language: words by concept number, sentence patterns, link words and punctuation. */
export interface Lexicon {
  language: Language;
  /** Persons of the corpus, each a word of the vocabularies. */
  names: string[];
  /** Persons of the tasks alone, who follow in number; the vocabularies know them letter by letter. */
  strangers: string[];
  things: Record<Relation, string[]>;
  causes: string[];
  effects: string[];
  links: Record<Link, string>;
  patterns: Record<Relation, Record<Form, string>>;
  stop: string;
  question: string;
  comma: string;
  /** True where words are written without spaces between them. */
  unspaced: boolean;
}

function parse(language: Language, source: string, latin: Lexicon | undefined): Lexicon {
  const lines = new Map<string, string>();
  for (const line of source.trim().split("\n")) {
    const at = line.indexOf(": ");
    lines.set(line.slice(0, at), line.slice(at + 2));
  }
  const need = (key: string): string => {
    const value = lines.get(key);
    if (value === undefined) {
      throw new Error(`lexicon ${language}: line "${key}:" is missing; add it to lexicon/${language}.ts`);
    }
    return value;
  };
  const list = (key: string) => need(key).split(", ");
  const names = need("names") === "=" ? latin!.names : list("names");
  const strangers = need("strangers") === "=" ? latin!.strangers : list("strangers");
  const ages = Array.from({ length: AGE_COUNT }, (_, i) => String(AGE_MIN + i));
  const things = { age: ages } as Record<Relation, string[]>;
  const patterns = {} as Record<Relation, Record<Form, string>>;
  for (const relation of RELATIONS) {
    if (relation !== "age") things[relation] = list(THINGS[relation]);
    const five = need(relation).split(" | ");
    patterns[relation] = Object.fromEntries(FORMS.map((f, i) => [f, five[i]!])) as Record<Form, string>;
  }
  const links = Object.fromEntries(list("link").map((w, i) => [LINKS[i]!, w])) as Record<Link, string>;
  const [stop, question, comma] = need("punct").split(" ") as [string, string, string];
  return {
    language,
    names,
    strangers,
    things,
    causes: list("causes"),
    effects: list("effects"),
    links,
    patterns,
    stop,
    question,
    comma,
    unspaced: lines.get("join") === "none",
  };
}

const english = parse("en", en, undefined);
const LEXICONS = Object.fromEntries(
  LANGUAGES.map((l) => [l, l === "en" ? english : parse(l, SOURCES[l], english)]),
) as Record<Language, Lexicon>;

/** The lexicon of a language; throws for a code the tiny world does not know. */
export function lexicon(language: string): Lexicon {
  const found = LEXICONS[language as Language];
  if (!found) throw new Error(`tiny world: no language "${language}"; it has ${LANGUAGES.join(" ")}`);
  return found;
}
