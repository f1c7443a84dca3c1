/** Output streams of the program, whose reader may close them at any time. */

/** A stream that is opened at its first use. */
export function openOutput(open: () => NodeJS.WriteStream, onClosed: () => void): () => NodeJS.WriteStream {
  let stream: NodeJS.WriteStream | undefined;
  return () => {
    if (stream === undefined) {
      stream = open();
      // without a listener the first write after the reader has closed would end the process at once
      stream.on('error', onClosed);
    }
    return stream;
  };
}
