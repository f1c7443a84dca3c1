/** Where the program writes: a stream whose reader may go away at any time. */

/** A stream that is opened once, when it is asked for first. */
export function openOutput(open: () => NodeJS.WriteStream, onClosed: () => void): () => NodeJS.WriteStream {
  let stream: NodeJS.WriteStream | undefined;
  return () => {
    if (stream === undefined) {
      stream = open();
      // without a listener the first write after the reader has gone would end the process at once
      stream.on('error', onClosed);
    }
    return stream;
  };
}
