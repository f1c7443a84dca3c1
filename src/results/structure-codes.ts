/**
 * Codes for classes: what a structure is, in the terms of SNOMED CT that DICOM may use. Common names are known here;
 * others are given by whoever made the model, or written as an anatomical structure of unknown kind. Source: DICOM
 * PS3.16, CID 7151 and 7166 (segmented properties) and the contexts that they include.
 */

import type { StructureCode } from '../data/structure-code.ts';

/** The codes of a class. */
export interface StructureCodes {
  /** Anatomical structure, changed structure or substance. */
  readonly category: StructureCode;
  readonly type: StructureCode;
  /** The side, where the name says it. */
  readonly side?: StructureCode;
  /** Whether the type says no more than that it is a structure. */
  readonly isUnknown: boolean;
}

function sct(value: string, meaning: string): StructureCode {
  return { value, scheme: 'SCT', meaning };
}

const ANATOMY = sct('123037004', 'Anatomical Structure');
const CHANGED = sct('49755003', 'Morphologically Altered Structure');
const TISSUE = sct('85756007', 'Tissue');
const UNKNOWN = sct('91723000', 'Anatomical structure');

const SIDES = { left: sct('7771000', 'Left'), right: sct('24028007', 'Right') } as const;

/** Structures by their names in lower case without side. */
const STRUCTURES: Readonly<Record<string, StructureCode>> = {
  'adrenal gland': sct('23451007', 'Adrenal gland'),
  accumbens: sct('427667007', 'Nucleus Accumbens'),
  amygdala: sct('4958002', 'Amygdala'),
  aorta: sct('15825003', 'Aorta'),
  bladder: sct('89837001', 'Bladder'),
  'blood vessel': sct('59820001', 'Blood Vessel'),
  bone: sct('272673000', 'Bone'),
  brain: sct('12738006', 'Brain'),
  brainstem: sct('119238007', 'Brain Stem'),
  caudate: sct('11000004', 'Caudate Nucleus'),
  cerebellum: sct('113305005', 'Cerebellum'),
  'cerebral cortex': sct('40146001', 'Cerebral cortex'),
  'cerebral white matter': sct('68523003', 'Cerebral White Matter'),
  clavicle: sct('51299004', 'Clavicle'),
  colon: sct('71854001', 'Colon'),
  'corpus callosum': sct('88442005', 'Corpus callosum'),
  duodenum: sct('38848004', 'Duodenum'),
  esophagus: sct('32849002', 'Esophagus'),
  eye: sct('81745001', 'Eye'),
  femur: sct('71341001', 'Femur'),
  'fourth ventricle': sct('35918002', 'Fourth Ventricle'),
  gallbladder: sct('28231008', 'Gallbladder'),
  'gray matter': sct('389081007', 'Gray Matter'),
  heart: sct('80891009', 'Heart'),
  hippocampus: sct('5366008', 'Hippocampus'),
  humerus: sct('85050009', 'Humerus'),
  'inferior vena cava': sct('64131007', 'Inferior vena cava'),
  kidney: sct('64033007', 'Kidney'),
  'lateral ventricle': sct('66720007', 'Lateral Ventricle'),
  'left atrium': sct('82471001', 'Left atrium'),
  'left ventricle': sct('87878005', 'Left ventricle'),
  lens: sct('78076003', 'Lens'),
  liver: sct('10200004', 'Liver'),
  lung: sct('39607008', 'Lung'),
  mandible: sct('91609006', 'Mandible'),
  'left ventricle myocardium': sct('49848007', 'Left Ventricle Myocardium'),
  'optic chiasm': sct('244453006', 'Optic chiasm'),
  'optic nerve': sct('18234004', 'Optic nerve'),
  pallidum: sct('14738005', 'Globus Pallidus'),
  pancreas: sct('15776009', 'Pancreas'),
  'parotid gland': sct('45289007', 'Parotid gland'),
  pituitary: sct('56329008', 'Pituitary'),
  'portal vein': sct('32764006', 'Portal vein'),
  prostate: sct('41216001', 'Prostate'),
  'pulmonary artery': sct('81040000', 'Pulmonary artery'),
  putamen: sct('89278009', 'Putamen'),
  rib: sct('113197003', 'Rib'),
  'right atrium': sct('73829009', 'Right atrium'),
  'right ventricle': sct('53085002', 'Right ventricle'),
  sacrum: sct('54735007', 'Sacrum'),
  scapula: sct('79601000', 'Scapula'),
  'small intestine': sct('30315005', 'Small intestine'),
  'spinal cord': sct('2748008', 'Spinal cord'),
  spleen: sct('78961009', 'Spleen'),
  sternum: sct('56873002', 'Sternum'),
  stomach: sct('69695003', 'Stomach'),
  'submandibular gland': sct('54019009', 'Submandibular gland'),
  'superior vena cava': sct('48345005', 'Superior vena cava'),
  thalamus: sct('42695009', 'Thalamus'),
  'third ventricle': sct('49841001', 'Third ventricle'),
  thyroid: sct('69748006', 'Thyroid'),
  trachea: sct('44567001', 'Trachea'),
  uterus: sct('35039007', 'Uterus'),
  vertebra: sct('51282000', 'Vertebra'),
  'white matter': sct('389080008', 'White Matter'),
};

/** Changed structures, by their names in lower case. */
const CHANGES: Readonly<Record<string, StructureCode>> = {
  cyst: sct('367643001', 'Cyst'),
  edema: sct('79654002', 'Edema'),
  lesion: sct('52988006', 'Lesion'),
  mass: sct('4147007', 'Mass'),
  necrosis: sct('6574001', 'Necrosis'),
  neoplasm: sct('108369006', 'Neoplasm'),
  nodule: sct('27925004', 'Nodule'),
};

const TISSUES: Readonly<Record<string, StructureCode>> = {
  fat: sct('256674009', 'Fat'),
  muscle: sct('71616004', 'Muscle'),
  'skeletal muscle': sct('127954009', 'Skeletal muscle'),
  skin: sct('39937001', 'Skin'),
};

/** Other ways to write a name. */
const SYNONYMS: Readonly<Record<string, string>> = {
  'accumbens area': 'accumbens',
  'nucleus accumbens': 'accumbens',
  'brain stem': 'brainstem',
  'caudate nucleus': 'caudate',
  'cerebral gray matter': 'cerebral cortex',
  'globus pallidus': 'pallidum',
  'gall bladder': 'gallbladder',
  'grey matter': 'gray matter',
  oesophagus: 'esophagus',
  oedema: 'edema',
  'pituitary gland': 'pituitary',
  'thyroid gland': 'thyroid',
  'urinary bladder': 'bladder',
  'vena cava inferior': 'inferior vena cava',
  'vena cava superior': 'superior vena cava',
  'thalamus proper': 'thalamus',
  '3rd ventricle': 'third ventricle',
  '4th ventricle': 'fourth ventricle',
  tumor: 'neoplasm',
  tumour: 'neoplasm',
  cancer: 'neoplasm',
};

/** The words of a name in lower case, which may be joined by anything and written as one word with capitals. */
function wordsOf(name: string): readonly string[] {
  const apart = name.replace(/([a-z])([A-Z])/g, '$1 $2').toLowerCase();
  return apart.split(/[^a-z0-9]+/).filter(word => word !== '');
}

/** One of several forms of a word. */
function singular(word: string): string {
  return word.replace(/(kidney|lung|eye|femur|rib|vessel|lesion|cyst|nodule|ventricle)s$/, '$1');
}

function lookUp(text: string): Pick<StructureCodes, 'category' | 'type'> | undefined {
  const name = Object.hasOwn(SYNONYMS, text) ? (SYNONYMS[text] as string) : text;
  for (const [category, known] of [
    [ANATOMY, STRUCTURES],
    [CHANGED, CHANGES],
    [TISSUE, TISSUES],
  ] as const) {
    if (Object.hasOwn(known, name)) return { category, type: known[name] as StructureCode };
  }
  return undefined;
}

/**
 * The codes of a class by its name, such as `Left-Hippocampus`, `kidney_right` or `liver`.
 * @param given the code of its type, if somebody has said it
 */
export function structureCodes(name: string, given?: StructureCode): StructureCodes {
  const words = wordsOf(name).map(singular);
  // the ventricles and atria of the heart have the side in their name
  const whole = lookUp(words.join(' '));
  const side = words.includes('left') ? SIDES.left : words.includes('right') ? SIDES.right : undefined;
  const rest = lookUp(words.filter(word => word !== 'left' && word !== 'right').join(' '));
  if (given !== undefined) {
    const category = (whole ?? rest)?.category ?? ANATOMY;
    return { category, type: given, isUnknown: false };
  }
  if (whole !== undefined) return { ...whole, isUnknown: false };
  const found = rest ?? { category: ANATOMY, type: UNKNOWN };
  return { ...found, ...(side && { side }), isUnknown: rest === undefined };
}
