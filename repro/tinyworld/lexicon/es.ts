// The words and sentence patterns of the tiny world in Spanish, subject-verb-object.
// The meaning of each line, and the order of its entries, is fixed by ../lexicon.ts.
export default `
names: =
strangers: =
places: la~cocina, el~jardín, la~escuela, el~mercado, el~parque, el~hospital, la~biblioteca, la~estación, la~oficina, el~teatro
objects: la~llave, el~libro, el~teléfono, el~paraguas, la~bolsa, la~carta, el~anillo, el~mapa, la~cámara, la~lámpara
foods: pan, arroz, sopa, manzanas, pescado, queso, pastel, huevos
colours: rojo, azul, verde, blanco, negro, amarillo
jobs: maestro, médico, conductor, escritor, agricultor, cantante, abogado, panadero
countries: Egipto, India, China, Brasil, España, Kenia, Perú, Rusia
in: {s} está en {o} | en {o} vemos a {s} | {s} no está en {o} | quién está en {o} | dónde está {s}
has: {s} tiene {o} | {o} es de {s} | {s} no tiene {o} | quién tiene {o} | qué tiene {s}
eats: {s} come {o} | {s} cena {o} | {s} no come {o} | quién come {o} | qué come {s}
likes: {s} prefiere {o} | {o} es el color de {s} | {s} no prefiere {o} | quién prefiere {o} | qué color prefiere {s}
job: {s} es {o} | {s} trabaja como {o} | {s} no es {o} | quién es {o} | qué trabajo hace {s}
from: {s} viene de {o} | {o} es la tierra de {s} | {s} no viene de {o} | quién viene de {o} | de qué país viene {s}
age: {s} tiene {o} años | la edad de {s} es {o} | {s} no tiene {o} años | quién tiene {o} años | qué edad tiene {s}
causes: tiene hambre, tiene sed, tiene sueño, tiene fiebre, tiene frío, llega tarde, está triste, gana el juego, se aburre, se ensucia, pierde el dinero, estudia mucho
effects: prepara la cena, bebe agua, va a la cama, llama a la enfermera, cierra la ventana, toma un taxi, llora, baila, ve una película, se baña, pide ayuda, aprueba el examen
link: sí, no, quizás, así, porque, y
punct: . ? ,
`;
