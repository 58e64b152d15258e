// The words and sentence patterns of the tiny world in Vietnamese, subject-verb-object.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: =
strangers: =
places: nhà bếp, khu vườn, trường học, chợ, công viên, bệnh viện, thư viện, nhà ga, văn phòng, nhà hát
objects: chìa khóa, quyển sách, điện thoại, cái ô, cái túi, bức thư, chiếc nhẫn, bản đồ, máy ảnh, cái đèn
foods: bánh mì, cơm, súp, táo, cá, phô mai, bánh ngọt, trứng
colours: đỏ, xanh dương, xanh lá, trắng, đen, vàng
jobs: giáo viên, bác sĩ, tài xế, nhà văn, nông dân, ca sĩ, luật sư, thợ bánh
countries: Ai Cập, Ấn Độ, Trung Quốc, Brasil, Tây Ban Nha, Kenya, Peru, Nga
in: {s} ở trong {o} | trong {o} có {s} | {s} không ở trong {o} | ai ở trong {o} | {s} ở đâu
has: {s} có {o} | {o} là của {s} | {s} không có {o} | ai có {o} | {s} có cái gì
eats: {s} ăn {o} | {s} dùng bữa với {o} | {s} không ăn {o} | ai ăn {o} | {s} ăn gì
likes: {s} thích màu {o} | màu {o} là màu của {s} | {s} không thích màu {o} | ai thích màu {o} | {s} thích màu gì
job: {s} là {o} | {s} làm nghề {o} | {s} không là {o} | ai là {o} | {s} làm nghề gì
from: {s} đến từ {o} | quê của {s} là {o} | {s} không đến từ {o} | ai đến từ {o} | {s} đến từ nước nào
age: {s} được {o} tuổi | tuổi của {s} là {o} | {s} không được {o} tuổi | ai được {o} tuổi | {s} được mấy tuổi
causes: đói bụng, khát nước, buồn ngủ, bị ốm, bị lạnh, bị muộn, buồn bã, thắng trò chơi, chán nản, bị bẩn, mất tiền, học nhiều
effects: nấu bữa tối, uống nước, đi ngủ, gọi y tá, đóng cửa sổ, đi taxi, khóc, nhảy múa, xem phim, đi tắm, nhờ giúp đỡ, thi đỗ
link: đúng, sai, có lẽ, vì vậy, bởi vì, và
punct: . ? ,
`;
