// Promises who wrote the paper, where it is, and which of its tables and figures can be reproduced.
// Leaves the numbers to numbers/ and the runs behind a table to tables/.
export const paper = {
  id: "fun-with-fisher",
  title:
    "FUN with Fisher: Improving Generalization of Adapter-Based Cross-lingual Transfer with Scheduled Unfreezing",
  authors: ["Chen Cecilia Liu", "Jonas Pfeiffer", "Ivan Vulić", "Iryna Gurevych"],
  venue: "NAACL 2024",
  code: "https://github.com/UKPLab/naacl2024-fun",
  tables: ["table1"],
} as const;
