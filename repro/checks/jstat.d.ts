// Promises the types of the one distribution that is taken from jstat. Leaves the rest of it untyped.
declare module "jstat" {
  const jStat: {
    studentt: {
      inv(p: number, degreesOfFreedom: number): number;
      cdf(x: number, degreesOfFreedom: number): number;
    };
  };
  export default jStat;
}
