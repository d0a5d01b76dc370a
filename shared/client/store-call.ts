import { isThenable } from './attempts.ts'

/** How long `load` and `save` of a store may take. */
const STORE_TIMEOUT_MS = 10_000

/**
 * Calls a method of a store, and one of the others once: in this turn, unless it returns a promise. A promise that settles
 * after the timeout has failed by then.
 */
export function settle<Value>(
  call: () => Value | PromiseLike<Value>,
  onOk: (value: Value) => void,
  onFailed: (error: unknown) => void,
  { onTimeout, onLate }: { readonly onTimeout?: () => void; readonly onLate?: () => void } = {},
): void {
  let returned: Value | PromiseLike<Value>
  try {
    returned = call()
  } catch (error) {
    return onFailed(error)
  }
  if (!isThenable(returned)) return onOk(returned as Value)
  let isOver = false
  const timer = setTimeout(() => {
    isOver = true
    onTimeout?.()
    onFailed(new Error(`the position store did not respond within ${STORE_TIMEOUT_MS / 1_000} s`))
  }, STORE_TIMEOUT_MS)
  const end = (then: () => void): void => {
    clearTimeout(timer)
    if (isOver) onLate?.()
    else then()
  }
  Promise.resolve(returned).then(
    (value) => end(() => onOk(value as Value)),
    (error: unknown) => end(() => onFailed(error)),
  )
}
