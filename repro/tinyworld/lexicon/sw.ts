// The words and sentence patterns of the tiny world in Swahili, subject-verb-object.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: =
strangers: =
places: jikoni, bustanini, shuleni, sokoni, uwanjani, hospitalini, maktabani, stesheni, ofisini, ukumbini
objects: ufunguo, kitabu, simu, mwavuli, mfuko, barua, pete, ramani, kamera, taa
foods: mkate, wali, supu, matofaa, samaki, jibini, keki, mayai
colours: nyekundu, bluu, kijani, nyeupe, nyeusi, manjano
jobs: mwalimu, daktari, dereva, mwandishi, mkulima, mwimbaji, wakili, mwokaji
countries: Misri, India, China, Brazili, Hispania, Kenya, Peru, Urusi
in: {s} yuko {o} | {o} tunamwona {s} | {s} hayuko {o} | nani yuko {o} | {s} yuko wapi
has: {s} ana {o} | {o} ni mali ya {s} | {s} hana {o} | nani ana {o} | {s} ana nini
eats: {s} anakula {o} | chakula cha {s} ni {o} | {s} hali {o} | nani anakula {o} | {s} anakula nini
likes: {s} anapenda rangi {o} | {o} ni rangi ya {s} | {s} hapendi rangi {o} | nani anapenda rangi {o} | {s} anapenda rangi gani
job: {s} ni {o} | kazi ya {s} ni {o} | {s} si {o} | nani ni {o} | {s} anafanya kazi gani
from: {s} anatoka {o} | {o} ni nchi ya {s} | {s} hatoki {o} | nani anatoka {o} | {s} anatoka nchi gani
age: {s} ana miaka {o} | umri wa {s} ni {o} | {s} hana miaka {o} | nani ana miaka {o} | {s} ana miaka mingapi
causes: ana njaa, ana kiu, amechoka, ni mgonjwa, anahisi baridi, amechelewa, ana huzuni, anashinda mchezo, anachoshwa, ni mchafu, anapoteza pesa, anasoma sana
effects: anapika chakula, anakunywa maji, analala, anamwita muuguzi, anafunga dirisha, anapanda teksi, analia, anacheza ngoma, anatazama filamu, anaoga, anaomba msaada, anafaulu mtihani
link: ndiyo, hapana, labda, hivyo, kwa sababu, na
punct: . ? ,
`;
