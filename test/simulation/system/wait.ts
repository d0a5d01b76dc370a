/** In the time of the process that calls. */
export const wait = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms))
