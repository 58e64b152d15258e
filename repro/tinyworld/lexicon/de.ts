// The words and sentence patterns of the tiny world in German, verb second.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: =
strangers: =
places: der~Küche, dem~Garten, der~Schule, dem~Markt, dem~Park, dem~Krankenhaus, der~Bibliothek, dem~Bahnhof, dem~Büro, dem~Theater
objects: den~Schlüssel, das~Buch, das~Telefon, den~Regenschirm, die~Tasche, den~Brief, den~Ring, die~Karte, die~Kamera, die~Lampe
foods: Brot, Reis, Suppe, Äpfel, Fisch, Käse, Kuchen, Eier
colours: Rot, Blau, Grün, Weiß, Schwarz, Gelb
jobs: Lehrer, Arzt, Fahrer, Schriftsteller, Bauer, Sänger, Anwalt, Bäcker
countries: Ägypten, Indien, China, Brasilien, Spanien, Kenia, Peru, Russland
in: {s} ist in {o} | in {o} sehen wir {s} | {s} ist nicht in {o} | wer ist in {o} | wo ist {s}
has: {s} hat {o} | {o} besitzt {s} | {s} hat nicht {o} | wer hat {o} | was hat {s}
eats: {s} isst {o} | {o} gibt es bei {s} | {s} isst nicht {o} | wer isst {o} | was isst {s}
likes: {s} mag {o} | {o} ist die Farbe von {s} | {s} mag nicht {o} | wer mag {o} | welche Farbe mag {s}
job: {s} ist {o} | {s} arbeitet als {o} | {s} ist nicht {o} | wer ist {o} | welche Arbeit hat {s}
from: {s} kommt aus {o} | {o} ist die Heimat von {s} | {s} kommt nicht aus {o} | wer kommt aus {o} | aus welchem Land kommt {s}
age: {s} ist {o} Jahre alt | das Alter von {s} ist {o} | {s} ist nicht {o} Jahre alt | wer ist {o} Jahre alt | wie alt ist {s}
causes: ist hungrig, ist durstig, ist müde, ist krank, friert, ist spät dran, ist traurig, gewinnt das Spiel, langweilt sich, ist schmutzig, verliert das Geld, lernt viel
effects: kocht das Abendessen, trinkt Wasser, geht ins Bett, ruft die Krankenschwester, schließt das Fenster, nimmt ein Taxi, weint, tanzt, sieht einen Film, nimmt ein Bad, bittet um Hilfe, besteht die Prüfung
link: ja, nein, vielleicht, also, weil, und
punct: . ? ,
`;
