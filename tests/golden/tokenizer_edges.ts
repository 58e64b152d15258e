// Texts in which tokenizers are known to differ: what they hold, and why, stands beside each group. No real data in here.
// It leaves the answers to Python (fixtures/tokenizers.json) and the comparison to tokenizers.test.ts.

export const edges: readonly string[] = [
  // Nothing, and white space of every kind: at the ends, doubled, and what only looks like it.
  ...[
    "",
    " ",
    "   ",
    "\t",
    "\n",
    "a",
    " a ",
    "  a  b  ",
    "a\tb\nc\r\nd",
    "\u00a0a\u00a0b",
    "a\u3000b",
    "a\u2028b\u2029c",
  ],
  ...[
    "a\u200bb",
    "a\u200cb\u200dc",
    "a\u2060b",
    "\ufeffa",
    "a\u00adb",
    "\u200e\u0645\u200f",
    "\u2003\u2009a",
    "a \u0301b",
  ],
  // Control characters, the replacement character, private use, not assigned, beyond the first plane.
  ...[
    "a\u0000b",
    "\u0000",
    "a\u0001\u001f\u007f\u0085b",
    "a\ufffdb",
    "\ue000a",
    "\u0378",
    "\u{10ffff}",
    "𐍈𝒜𝟙",
  ],
  // Composed and decomposed; several marks; what NFKC changes, lengthens or reorders.
  ...[
    "é e\u0301 É E\u0301",
    "ẹ\u0301 e\u0323\u0301 e\u0301\u0323",
    "Å Å A\u030a",
    "ﬁ ﬄ ½ ² ™ ℃ ㎏ ㍿",
    "ｆｕｌｌ　ｗｉｄｔｈ１２３",
    "ｶﾞｷﾞ",
  ],
  ...[
    "ﷺ ﷲ ﻻ",
    "ǅ ŉ ſ ẞ ß İ ı",
    "…‥— – ‘’“”„",
    "～~〜",
    "Ⅷ ① ⒈ ㈠",
    "각 \u1100\u1161\u11a8",
    "\u0344\u0385\u1fc1",
  ],
  // Scripts with marks and without spaces.
  ...["ภาษาไทยเป็นภาษาที่ไม่มีการเว้นวรรค", "น้ำ ำ ที่ กำลัง", "हिन्दी में क्षत्रिय श्रृंखला क़ ड़", "தமிழ் மொழி கொ"],
  ...[
    "اللُّغَةُ العَرَبِيَّة ـــ ١٢٣",
    "עִבְרִית שָׁלוֹם",
    "北京大学和東京タワー",
    "ひらがなカタカナ漢字",
    "서울특별시",
    "中文，标点。符号！",
    "ພາສາລາວ မြန်မာ",
  ],
  // Emoji: joined, with skin, with flags, with variation selectors, keycaps.
  ...["😀", "a😀b 👍🏽", "👨‍👩‍👧‍👦 👩🏿‍🚀", "🇮🇹🇪🇪", "❤️ ❤ ☺️", "1️⃣#️⃣", "😀😀😀 ok"],
  // Punctuation, numbers, symbols that Unicode calls letters or signs.
  ...[
    "don't can’t it's",
    "a.b,c;d:e!f?",
    "$100€ 1,234.56% +5 −3",
    "x^2_y`z|{~}",
    "C++ C# a/b a\\b",
    "http://x.org/a?b=c&d",
    "@a #b",
    "«a»¿b?¡c!",
  ],
  // Words too long for WordPiece (more than 100 characters), and just not.
  ...[
    "a".repeat(100),
    "a".repeat(101),
    "x " + "ab".repeat(60) + " y",
    "é".repeat(99),
    "漢".repeat(120),
    "1".repeat(105),
  ],
  ...["W".repeat(300), "▁", "▁▁a", "a▁b", "_a_", "##a ##", "a##b"],
  // Special tokens written in the text.
  ...[
    "[CLS] a [SEP]",
    "a[MASK]b [MASK]",
    "[UNK][PAD]",
    "[mask] [Mask",
    "<s>a</s>",
    "a <mask> b",
    "a<mask>b",
    "<pad><unk>",
    "< s >",
  ],
  ...["<0x41>", "<0xE4>x", "a  <mask>  b", " <mask>", "[MASK] ", "  [SEP]  a"],
  // Case, for the tokenizer that lower-cases.
  ...["ÀÉÎÕÜ Çß", "ΑΣ ΟΔΥΣΣΕΥΣ", "İstanbul IĞDIR", "ЖЁЛТЫЙ", "ᲀ Ა ꭰ"],
];
