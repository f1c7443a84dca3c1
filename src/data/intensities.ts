/** What the intensities of one channel of a case are like before normalisation. */
/** Intensities of the finite voxels of one channel of a case, before normalisation. */
export interface ChannelIntensities {
  readonly minimum: number;
  readonly maximum: number;
  readonly mean: number;
  /** Population standard deviation. */
  readonly deviation: number;
  /**
   * The same of the voxels in the smallest box around what is not zero, over which a method counts that crops, as in
   * nnU-Net; only where a finished model teaches.
   */
  readonly inBox?: Omit<ChannelIntensities, 'inBox' | 'hasHoles'>;
  /** Given where the channel is 0 inside of the body: of what is not zero in any channel, with its holes filled. */
  readonly hasHoles?: true;
}
