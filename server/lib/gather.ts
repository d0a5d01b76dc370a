/**
 * Asks about one at a time, for callers that come one by one and often together: what comes in one turn of the event loop is
 * asked in one call of `askAll`, about at most `atMost`, whose answers stand in the order of the questions. A call that fails
 * fails for all who asked in it.
 */
export function gather<Question, Answer>(
  atMost: number,
  askAll: (questions: readonly Question[]) => Promise<readonly Answer[]>,
): (question: Question) => Promise<Answer> {
  interface Call {
    readonly questions: Question[]
    readonly answers: Promise<readonly Answer[]>
  }
  let next: Call | undefined

  function open(): Call {
    const questions: Question[] = []
    const turn = new Promise<void>((resolve) => setImmediate(resolve))
    const answers = turn.then(() => {
      if (next?.questions === questions) next = undefined
      return askAll(questions)
    })
    return { questions, answers }
  }

  return async (question) => {
    const call = (next ??= open())
    const place = call.questions.push(question) - 1
    if (call.questions.length >= atMost) next = undefined
    return (await call.answers)[place] as Answer
  }
}
