// The words and sentence patterns of the tiny world in Italian, subject-verb-object.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: =
strangers: =
places: in~cucina, in~giardino, a~scuola, al~mercato, al~parco, in~ospedale, in~biblioteca, in~stazione, in~ufficio, a~teatro
objects: la~chiave, il~libro, il~telefono, l'ombrello, la~borsa, la~lettera, l'anello, la~mappa, la~fotocamera, la~lampada
foods: pane, riso, zuppa, mele, pesce, formaggio, torta, uova
colours: rosso, blu, verde, bianco, nero, giallo
jobs: insegnante, medico, autista, scrittore, contadino, cantante, avvocato, fornaio
countries: Egitto, India, Cina, Brasile, Spagna, Kenya, Perù, Russia
in: {s} è {o} | {o} vediamo {s} | {s} non è {o} | chi è {o} | dove è {s}
has: {s} ha {o} | {o} è di {s} | {s} non ha {o} | chi ha {o} | cosa ha {s}
eats: {s} mangia {o} | {s} cena con {o} | {s} non mangia {o} | chi mangia {o} | cosa mangia {s}
likes: {s} ama {o} | {o} è il colore di {s} | {s} non ama {o} | chi ama {o} | quale colore ama {s}
job: {s} fa {o} | {s} lavora come {o} | {s} non fa {o} | chi fa {o} | quale lavoro fa {s}
from: {s} viene da {o} | {o} è la patria di {s} | {s} non viene da {o} | chi viene da {o} | da quale paese viene {s}
age: {s} ha {o} anni | la età di {s} è {o} | {s} non ha {o} anni | chi ha {o} anni | quanti anni ha {s}
causes: ha fame, ha sete, ha sonno, ha la febbre, ha freddo, arriva tardi, è triste, vince la partita, si annoia, si sporca, perde i soldi, studia molto
effects: cucina la cena, beve acqua, va a letto, chiama la infermiera, chiude la finestra, prende un taxi, piange, balla, guarda un film, fa il bagno, chiede aiuto, supera lo esame
link: sì, no, forse, quindi, perché, e
punct: . ? ,
`;
