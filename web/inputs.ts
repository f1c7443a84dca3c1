/** The user's files: chosen or dropped, single files or whole folders. */
import type { DroppedFile } from './protocol.ts';

/** The files of a file input, which is emptied so that the same file can be chosen again. */
export function chosenFiles(input: HTMLInputElement): readonly DroppedFile[] {
  const files = [...(input.files ?? [])].map(file => ({ path: file.webkitRelativePath || file.name, file }));
  input.value = '';
  return files;
}

function readEntries(folder: FileSystemDirectoryEntry): Promise<readonly FileSystemEntry[]> {
  const reader = folder.createReader();
  const all: FileSystemEntry[] = [];
  return new Promise((resolve, reject) => {
    // the browser hands out a hundred at a time
    const next = (): void =>
      reader.readEntries(entries => {
        all.push(...entries);
        if (entries.length === 0) resolve(all);
        else next();
      }, reject);
    next();
  });
}

async function filesIn(entry: FileSystemEntry): Promise<readonly DroppedFile[]> {
  const path = entry.fullPath.replace(/^\//, '');
  if (entry.isDirectory) {
    const entries = await readEntries(entry as FileSystemDirectoryEntry);
    return (await Promise.all(entries.map(filesIn))).flat();
  }
  const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
  return [{ path, file }];
}

/** Lets an element accept dropped files; `target` is its class while they hover. */
export function acceptDrops(element: HTMLElement, onFiles: (files: readonly DroppedFile[]) => void): void {
  element.addEventListener('dragover', event => {
    event.preventDefault();
    element.classList.add('target');
  });
  element.addEventListener('dragleave', () => element.classList.remove('target'));
  element.addEventListener('drop', async event => {
    event.preventDefault();
    element.classList.remove('target');
    const entries = [...(event.dataTransfer?.items ?? [])].flatMap(item => item.webkitGetAsEntry() ?? []);
    onFiles((await Promise.all(entries.map(filesIn))).flat());
  });
}
