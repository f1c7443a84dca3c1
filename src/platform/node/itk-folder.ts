/** Folder of ITK's programs, which the build creates and the package contains. */

/** Three folders up from here both in src and in dist. */
export const ITK_FOLDER = new URL('../../../itk/', import.meta.url);
