// The words and sentence patterns of the tiny world in Indonesian, subject-verb-object.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: =
strangers: =
places: dapur, kebun, sekolah, pasar, taman, rumah sakit, perpustakaan, stasiun, kantor, teater
objects: kunci, buku, telepon, payung, tas, surat, cincin, peta, kamera, lampu
foods: roti, nasi, sup, apel, ikan, keju, kue, telur
colours: merah, biru, hijau, putih, hitam, kuning
jobs: guru, dokter, sopir, penulis, petani, penyanyi, pengacara, tukang roti
countries: Mesir, India, Cina, Brasil, Spanyol, Kenya, Peru, Rusia
in: {s} berada di {o} | di {o} ada {s} | {s} tidak berada di {o} | siapa berada di {o} | {s} berada di mana
has: {s} punya {o} | {o} milik {s} | {s} tidak punya {o} | siapa punya {o} | {s} punya apa
eats: {s} makan {o} | makanan {s} adalah {o} | {s} tidak makan {o} | siapa makan {o} | {s} makan apa
likes: {s} suka warna {o} | {o} adalah warna {s} | {s} tidak suka warna {o} | siapa suka warna {o} | {s} suka warna apa
job: {s} adalah seorang {o} | {s} bekerja sebagai {o} | {s} bukan seorang {o} | siapa adalah seorang {o} | {s} bekerja sebagai apa
from: {s} berasal dari {o} | negeri {s} adalah {o} | {s} tidak berasal dari {o} | siapa berasal dari {o} | {s} berasal dari negara mana
age: {s} berumur {o} tahun | umur {s} adalah {o} | {s} tidak berumur {o} tahun | siapa berumur {o} tahun | {s} berumur berapa
causes: lapar, haus, lelah, demam, kedinginan, terlambat, sedih, memenangkan permainan, bosan, kotor, kehilangan uang, belajar keras
effects: memasak makan malam, minum air, pergi tidur, memanggil perawat, menutup jendela, naik taksi, menangis, menari, menonton film, mandi, minta tolong, lulus ujian
link: ya, bukan, mungkin, jadi, karena, dan
punct: . ? ,
`;
