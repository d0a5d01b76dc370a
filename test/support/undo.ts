type Undo = () => unknown

/** Remembers what a test opened and closes it afterwards, latest first. Call inside `describe`. */
export function undoAfterEach(): (undo: Undo) => void {
  const undos: Undo[] = []
  afterEach(async () => {
    for (const undo of undos.splice(0).toReversed()) await undo()
  })
  return (undo) => void undos.push(undo)
}
