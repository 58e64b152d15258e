// The words and sentence patterns of the tiny world in English, subject-verb-object.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: Omar, Lena, Ana, Ivan, Mei, Tom, Sara, Ali, Nina, Paul, Rosa, Hugo, Maya, Leo, Emma, Karim, Vera, Max, Zoe, Dina
strangers: Kai, Sam, Ned, Ada, Eli, Ivo, Noa, Uma, Bob, Kim
places: the~kitchen, the~garden, the~school, the~market, the~park, the~hospital, the~library, the~station, the~office, the~theatre
objects: the~key, the~book, the~phone, the~umbrella, the~bag, the~letter, the~ring, the~map, the~camera, the~lamp
foods: bread, rice, soup, apples, fish, cheese, cake, eggs
colours: red, blue, green, white, black, yellow
jobs: a~teacher, a~doctor, a~driver, a~writer, a~farmer, a~singer, a~lawyer, a~baker
countries: Egypt, India, China, Brazil, Spain, Kenya, Peru, Russia
in: {s} is in {o} | in {o} we see {s} | {s} is not in {o} | who is in {o} | where is {s}
has: {s} has {o} | {o} belongs to {s} | {s} does not have {o} | who has {o} | what does {s} have
eats: {s} eats {o} | {s} has {o} for dinner | {s} does not eat {o} | who eats {o} | what does {s} eat
likes: {s} likes {o} | {o} is the colour of {s} | {s} does not like {o} | who likes {o} | which colour does {s} like
job: {s} is {o} | {s} works as {o} | {s} is not {o} | who is {o} | what work does {s} do
from: {s} comes from {o} | {o} is the home of {s} | {s} does not come from {o} | who comes from {o} | which country does {s} come from
age: {s} is {o} years old | the age of {s} is {o} | {s} is not {o} years old | who is {o} years old | how old is {s}
causes: is hungry, is thirsty, is tired, is ill, feels cold, is late, is sad, wins the game, is bored, is dirty, loses the money, studies a lot
effects: cooks dinner, drinks water, goes to bed, calls a nurse, closes the window, takes a taxi, cries, dances, watches a film, takes a bath, asks for help, passes the exam
link: yes, no, maybe, so, because, and
punct: . ? ,
`;
