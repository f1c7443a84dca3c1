/** Keeps the screen on while a training runs, where the browser can: a device that sleeps computes nothing. */

/** @returns ends it */
export function keepAwake(): () => void {
  let lock: WakeLockSentinel | undefined;
  let isWanted = true;
  const ask = async (): Promise<void> => {
    if (!isWanted || document.visibilityState !== 'visible') return;
    try {
      lock = await navigator.wakeLock.request('screen');
    } catch {
      // a browser without wake locks, or a battery that is low: the training goes on all the same
    }
  };
  document.addEventListener('visibilitychange', ask);
  ask();
  return () => {
    isWanted = false;
    document.removeEventListener('visibilitychange', ask);
    lock?.release();
  };
}
