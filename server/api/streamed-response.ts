import type { Response } from 'express'

/** Resolves once the response takes more, or nobody reads it any more. */
export async function writeTo(response: Response, chunk: string): Promise<void> {
  if (response.write(chunk)) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.once('drain', done)
    response.once('close', done)
  })
}
