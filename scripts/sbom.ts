/**
 * The software bill of materials of a release (CycloneDX): what npm installs with the package, and what the package
 * carries in itself: ONNX Runtime for the page, and the libraries that are bundled into the page.
 */

interface Component {
  readonly type: 'library';
  readonly 'bom-ref': string;
  readonly name: string;
  readonly version: string;
  readonly purl: string;
  readonly licenses: readonly { readonly license: { readonly id: string } }[];
}

/** What of npm's document is looked at. */
export interface Bom {
  readonly metadata: { readonly component: { readonly name: string } };
  readonly components: readonly { readonly purl?: string }[];
}

/** A package of npm that is part of the files. */
export interface Carried {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

/** The packages that the build of the page lists in its licenses.md, as `## NAME - VERSION (LICENCE)`. */
export function bundledInPage(licenses: string): readonly Carried[] {
  return [...licenses.matchAll(/^## (\S+) - (\S+) \(([^)]+)\)$/gm)].map(([, name, version, license]) => ({
    name: name!,
    version: version!,
    license: license!,
  }));
}

/** The document with the packages that are carried, each once. */
export function withCarried(bom: Bom, name: string, carried: readonly Carried[]): Bom {
  const known = new Set(bom.components.map(({ purl }) => purl));
  const added = carried.map(
    (part): Component => ({
      type: 'library',
      'bom-ref': `${part.name}@${part.version}`,
      name: part.name,
      version: part.version,
      purl: `pkg:npm/${part.name.replace('@', '%40')}@${part.version}`,
      licenses: [{ license: { id: part.license } }],
    }),
  );
  const fresh = [...new Map(added.map(part => [part.purl, part])).values()].filter(({ purl }) => !known.has(purl));
  const { metadata } = bom;
  return {
    ...bom,
    // npm takes the name of the folder
    metadata: { ...metadata, component: { ...metadata.component, name } },
    components: [...bom.components, ...fresh],
  };
}
