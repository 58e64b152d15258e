// The words and sentence patterns of the tiny world in Chinese, subject-verb-object, written without spaces.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: 奥马, 莉娜, 安娜, 伊万, 小梅, 汤姆, 萨拉, 阿里, 妮娜, 保罗, 罗莎, 雨果, 玛雅, 利奥, 艾玛, 卡林, 薇拉, 马克, 佐伊, 迪娜
strangers: 卡伊, 萨姆, 尼迪, 阿迪, 伊利, 伊果, 娜雅, 雨玛, 巴克, 克姆
places: 厨房, 花园, 学校, 市场, 公园, 医院, 书店, 车站, 公司, 剧院
objects: 钥匙, 课本, 手机, 雨伞, 背包, 信件, 戒指, 地图, 相机, 台灯
foods: 面包, 米饭, 汤, 苹果, 鱼, 奶酪, 蛋糕, 鸡蛋
colours: 红色, 蓝色, 绿色, 白色, 黑色, 黄色
jobs: 老师, 医生, 司机, 作家, 农民, 歌手, 律师, 厨师
countries: 埃及, 印度, 中国, 巴西, 西班牙, 肯尼亚, 秘鲁, 俄国
in: {s} 在 {o} 里 | 在 {o} 里 的 人 是 {s} | {s} 不 在 {o} 里 | 谁 在 {o} 里 | {s} 在 哪里
has: {s} 有 {o} | {o} 属于 {s} | {s} 没 有 {o} | 谁 有 {o} | {s} 有 什么
eats: {s} 吃 {o} | {s} 的 晚餐 是 {o} | {s} 不 吃 {o} | 谁 吃 {o} | {s} 吃 什么
likes: {s} 喜欢 {o} | {o} 是 {s} 的 颜色 | {s} 不 喜欢 {o} | 谁 喜欢 {o} | {s} 喜欢 什么 颜色
job: {s} 是 {o} | {s} 的 工作 是 {o} | {s} 不 是 {o} | 谁 是 {o} | {s} 做 什么 工作
from: {s} 来自 {o} | {o} 是 {s} 的 家乡 | {s} 不 来自 {o} | 谁 来自 {o} | {s} 来自 哪个 国家
age: {s} 今年 {o} 岁 | {s} 的 年龄 是 {o} | {s} 今年 不 是 {o} 岁 | 谁 今年 {o} 岁 | {s} 今年 几 岁
causes: 饿 了, 渴 了, 累 了, 病 了, 觉得 冷, 迟到 了, 难过 了, 赢 比赛, 无聊 了, 脏 了, 丢 了 钱, 努力 学习
effects: 做 晚饭, 喝 水, 上床 睡觉, 叫 护士, 关 窗户, 坐 出租车, 哭 了, 跳舞, 看 电影, 洗澡, 请人 帮忙, 通过 考试
link: 对, 错, 也许, 所以, 因为, 和
punct: 。 ？ ，
join: none
`;
