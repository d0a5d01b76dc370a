import { replaceFetch } from './fetch.ts'
import { replaceGlobals } from './globals.ts'
import { replacePackages } from './loader.ts'
import { replaceNetwork } from './handles.ts'
import { replaceMeasures } from './measures.ts'

// Imported before anything else in a process that simulates: packages keep the functions that they find when they are loaded.
replaceNetwork()
replacePackages()
replaceGlobals()
replaceFetch()
replaceMeasures()
