// The words and sentence patterns of the tiny world in Estonian, verb second.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: =
strangers: =
places: köögis, aias, koolis, turul, pargis, haiglas, raamatukogus, jaamas, kontoris, teatris
objects: võti, raamat, telefon, vihmavari, kott, kiri, sõrmus, kaart, kaamera, lamp
foods: leiba, riisi, suppi, õunu, kala, juustu, kooki, mune
colours: punane, sinine, roheline, valge, must, kollane
jobs: õpetaja, arst, autojuht, kirjanik, talunik, laulja, jurist, pagar
countries: Egiptusest, Indiast, Hiinast, Brasiiliast, Hispaaniast, Keeniast, Peruust, Venemaalt
in: {s} on {o} | {o} näeme me {s} | {s} ei ole {o} | kes on {o} | kus on {s}
has: {s} omanduses on {o} | {o} kuulub {s} | {s} omanduses ei ole {o} | kelle omanduses on {o} | mis on {s} omanduses
eats: {s} sööb {o} | õhtul valib {s} {o} | {s} ei söö {o} | kes sööb {o} | mida sööb {s}
likes: {s} lemmik on {o} | {o} meeldib {s} | {s} lemmik ei ole {o} | kelle lemmik on {o} | milline värv on {s} lemmik
job: {s} on {o} | {s} amet on {o} | {s} ei ole {o} | kes on {o} | mis amet on {s}
from: {s} tuleb {o} | {o} on pärit {s} | {s} ei tule {o} | kes tuleb {o} | mis maalt tuleb {s}
age: {s} on {o} aastat vana | {s} vanus on {o} | {s} ei ole {o} aastat vana | kes on {o} aastat vana | kui vana on {s}
causes: on näljane, on janune, on väsinud, on haige, külmetab, jääb hiljaks, on kurb, võidab mängu, igavleb, on räpane, kaotab raha, õpib palju
effects: valmistab õhtusööki, joob vett, läheb magama, kutsub õe, sulgeb akna, võtab takso, nutab, tantsib, vaatab filmi, käib vannis, palub abi, läbib eksami
link: jah, mitte, võibolla, seega, sest, ja
punct: . ? ,
`;
