/** Where ITK's programs lie: made by the build, published with the package. */

/** Three folders up from here both in src and in dist. */
export const ITK_FOLDER = new URL('../../../itk/', import.meta.url);
