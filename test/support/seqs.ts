interface Message {
  readonly seq?: number | undefined
}

/** Returns the seq of a message of a group. Throws for any other. */
export function seqOf({ seq }: Message): number {
  if (seq === undefined) throw new Error('the message is of no group')
  return seq
}

export const seqsOf = (messages: readonly Message[]): number[] => messages.map(seqOf)
