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

/**
 * Accepts files that are dropped anywhere on the page, so that none of them takes the page away.
 * @param target has the class `target` while files hover
 */
export function acceptDrops(target: HTMLElement, onFiles: (files: readonly DroppedFile[]) => void): void {
  document.addEventListener('dragover', event => {
    event.preventDefault();
    target.classList.add('target');
  });
  document.addEventListener('dragleave', event => {
    if (event.relatedTarget === null) target.classList.remove('target');
  });
  document.addEventListener('drop', async event => {
    event.preventDefault();
    target.classList.remove('target');
    // what is dropped can only be asked for at once; files of other programs may have no entry
    const found = [...(event.dataTransfer?.items ?? [])].map(item => {
      const [entry, file] = [item.webkitGetAsEntry(), item.getAsFile()];
      if (entry !== null) return filesIn(entry);
      return file === null ? [] : [{ path: file.name, file }];
    });
    onFiles((await Promise.all(found)).flat());
  });
}
