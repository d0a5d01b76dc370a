import type { RequestHandler } from 'express'
import Joi from 'joi'
import type { LeftFolderResponse } from '../../shared/http-api/left-folders.ts'
import type { Audit } from './audit.ts'
import { parseQuery } from './requests.ts'

interface LeftFoldersDependencies {
  /** Undefined without Redis: nobody can have left one. */
  readonly folders: { forget(folder: string): Promise<boolean> } | undefined
  readonly audit: Audit
}

const schema = Joi.object<{ readonly folder: string }>({
  folder: Joi.string()
    .pattern(/^[\w-]{1,64}$/)
    .messages({ 'string.pattern.base': '"folder" must be the `dataFolder` of a process in /v1/status' })
    .required(),
})

/** `DELETE /v1/left-folders`: says that the data folder of a process that is gone is lost, which ends its problem. */
export const forgetFolder =
  ({ folders, audit }: LeftFoldersDependencies): RequestHandler =>
  async (request, response) => {
    const { folder } = parseQuery(schema, request)
    const act = { action: 'folder given up', details: { folder } } as const
    const forgotten = await audit.during(
      request,
      response,
      act,
      async () => (await folders?.forget(folder)) ?? false,
      (wasLeft) => ({ wasLeft }),
    )
    response.json({ ok: true, forgotten } satisfies LeftFolderResponse)
  }
