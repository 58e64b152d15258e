// The words and sentence patterns of the tiny world in Haitian Creole, subject-verb-object.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: =
strangers: =
places: kwizin, jaden, lekòl, mache, pak, lopital, bibliyotèk, estasyon, biwo, teyat
objects: kle, liv, telefòn, parapli, sak, lèt, bag, kat, kamera, lanp
foods: pen, diri, soup, pòm, pwason, fwomaj, gato, ze
colours: wouj, ble, vèt, blan, nwa, jòn
jobs: pwofesè, doktè, chofè, ekriven, kiltivatè, chantè, avoka, boulanje
countries: Ejip, End, Lachin, Brezil, Espay, Kenya, Pewou, Larisi
in: {s} nan {o} | nan {o} nou wè {s} | {s} pa nan {o} | kiyès ki nan {o} | kote {s} ye
has: {s} gen {o} | {o} se pou {s} | {s} pa gen {o} | kiyès ki gen {o} | kisa {s} gen
eats: {s} manje {o} | {s} pran {o} nan aswè | {s} pa manje {o} | kiyès ki manje {o} | kisa {s} manje
likes: {s} renmen {o} | {o} se koulè {s} | {s} pa renmen {o} | kiyès ki renmen {o} | ki koulè {s} renmen
job: {s} se {o} | {s} travay kòm {o} | {s} pa {o} | kiyès ki {o} | ki travay {s} fè
from: {s} soti {o} | {o} se peyi {s} | {s} pa soti {o} | kiyès ki soti {o} | nan ki peyi {s} soti
age: {s} gen {o} lane | laj {s} se {o} | {s} pa gen {o} lane | kiyès ki gen {o} lane | ki laj {s} genyen
causes: grangou, swaf, fatige, malad, frèt, an reta, tris, genyen jwèt la, anniye, sal, pèdi lajan an, etidye anpil
effects: kwit manje, bwè dlo, al dòmi, rele enfimyè a, fèmen fenèt la, pran yon taksi, kriye, danse, gade yon fim, benyen, mande èd, pase egzamen an
link: wi, non, petèt, donk, paske, ak
punct: . ? ,
`;
