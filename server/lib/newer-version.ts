/** A file was written by a later version of the gateway, whose files this one must neither read nor change. */
export class NewerVersion extends Error {
  constructor(file: string, version: number) {
    super(
      `${file} was written by a newer version of the gateway (format ${version}, and this version knows ${FORMAT}): start that version again, or set another DATA_DIR`,
    )
  }
}

/** The version of all files in the data folder. Version 1 kept everything in lmdb, without checksums. */
export const FORMAT = 2
