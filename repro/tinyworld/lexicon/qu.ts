// The words and sentence patterns of the tiny world in Quechua, subject-object-verb, suffixing.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: =
strangers: =
places: wasi, chakra, yachaywasi, qhatu, pampa, hampinawasi, qillqawasi, llaqta, qulqiwasi, taki wasi
objects: kichana, mayttu, karuta rimana, achiwa, wayaqa, qillqa, siwi, saywitu, rikuchiq, kanchay
foods: tanta, arus, lawa, mansana, challwa, masara, miski tanta, runtu
colours: puka, anqas, qumir, yuraq, yana, qillu
jobs: yachachiq, hampiq, purichiq, qillqaq, chakraruna, takiq, amachaq, tanta ruraq
countries: Ihiptu, Indya, China, Brasil, Ispaña, Kinya, Piru, Rusya
in: {s} {o}pi kachkan | {o}pi {s}ta rikunchik | {s} mana {o}pi kachkan | pi {o}pi kachkan | {s} maypi kachkan
has: {s} {o}ta hapin | {o} {s}pa kaqnin | {s} mana {o}ta hapin | pi {o}ta hapin | {s} imata hapin
eats: {s} {o}ta mikun | {s} tuta {o}ta munan | {s} mana {o}ta mikun | pi {o}ta mikun | {s} imata mikun
likes: {s} {o}ta kuyan | {o} {s}pa llimpin | {s} mana {o}ta kuyan | pi {o}ta kuyan | {s} ima llimpita kuyan
job: {s} {o} kan | {s} {o} hina llamkan | {s} mana {o} kan | pi {o} kan | {s} ima llamkaypi llamkan
from: {s} {o}manta hamun | {o} {s}pa suyun | {s} mana {o}manta hamun | pi {o}manta hamun | {s} ima suyumanta hamun
age: {s} {o}watayuq kan | {s}pa watan {o} | {s} mana {o}watayuq kan | pi {o}watayuq kan | {s} hayka watayuq kan
causes: yarqachkan, chakichikun, saykun, unqun, chiririn, qipakun, llakin, pukllayta atipan, amikun, qanra kachkan, qullqita chinkachin, anchata yachan
effects: mikhunata yanun, yakuta upyan, puñuq rin, hampiqta waqyan, punkuta wichqan, antawata hapin, waqan, tusun, pilikulata qawan, armakun, yanapayta mañan, chaninta atin
link: arí, manam, ichapas, chayrayku, imaraykuchus, hinaspa
punct: . ? ,
`;
