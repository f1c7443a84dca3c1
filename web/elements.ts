/** The page's elements by their id; index.html has them all. */
import { invariant } from '../src/core/errors.ts';

/** @throws if index.html has no such element: our own bug */
export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  invariant(element !== null, `index.html has no #${id}`);
  return element as T;
}

type Attributes = Readonly<Record<string, string>>;

/** A new element with text and children, which are never read as markup. */
export function make(tag: string, attributes: Attributes = {}, ...children: readonly (Node | string)[]): HTMLElement {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}
