// The words and sentence patterns of the tiny world in Turkish, subject-object-verb.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: =
strangers: =
places: mutfakta, bahçede, okulda, pazarda, parkta, hastanede, kütüphanede, istasyonda, ofiste, tiyatroda
objects: anahtar, kitap, telefon, şemsiye, çanta, mektup, yüzük, harita, kamera, lamba
foods: ekmek, pilav, çorba, elma, balık, peynir, pasta, yumurta
colours: kırmızı, mavi, yeşil, beyaz, siyah, sarı
jobs: öğretmen, doktor, şoför, yazar, çiftçi, şarkıcı, avukat, fırıncı
countries: Mısır, Hindistan, Çin, Brezilya, İspanya, Kenya, Peru, Rusya
in: {s} {o} duruyor | {o} {s} görünüyor | {s} {o} durmuyor | kim {o} duruyor | {s} nerede duruyor
has: {s} {o} taşıyor | {o} sahibi {s} | {s} {o} taşımıyor | kim {o} taşıyor | {s} ne taşıyor
eats: {s} {o} yiyor | {s} yemekte {o} seçiyor | {s} {o} yemiyor | kim {o} yiyor | {s} ne yiyor
likes: {s} {o} seviyor | {o} rengi {s} için güzel | {s} {o} sevmiyor | kim {o} seviyor | {s} hangi rengi seviyor
job: {s} bir {o} | {s} {o} olarak çalışıyor | {s} bir {o} değil | kim bir {o} | {s} ne iş yapıyor
from: {s} {o} ülkesinden geliyor | {o} ülkesi {s} için vatan | {s} {o} ülkesinden gelmiyor | kim {o} ülkesinden geliyor | {s} hangi ülkeden geliyor
age: {s} {o} yaşında | {s} için yaş {o} | {s} {o} yaşında değil | kim {o} yaşında | {s} kaç yaşında
causes: acıkıyor, susuyor, yoruluyor, hastalanıyor, üşüyor, geç kalıyor, üzülüyor, oyunu kazanıyor, sıkılıyor, kirleniyor, parayı kaybediyor, çok çalışıyor
effects: akşam yemeği pişiriyor, su içiyor, yatağa gidiyor, hemşireyi arıyor, pencereyi kapatıyor, taksiye biniyor, ağlıyor, dans ediyor, film izliyor, banyo yapıyor, yardım istiyor, sınavı geçiyor
link: evet, hayır, belki, bu yüzden, çünkü, ve
punct: . ? ,
`;
