/** Types of the package isosurface, which brings none. */
declare module 'isosurface' {
  type Three = [x: number, y: number, z: number];

  interface Mesh {
    readonly positions: readonly Three[];
    /** Triangles by the indices of their corners. */
    readonly cells: readonly Three[];
  }

  /**
   * The surface on which a function is 0; its triangles face where it is positive.
   * @param dims number of samples along each axis
   * @param bounds places of the first sample and of the one after the last
   */
  export function surfaceNets(
    dims: Three,
    potential: (x: number, y: number, z: number) => number,
    bounds: readonly [Three, Three],
  ): Mesh;
}
