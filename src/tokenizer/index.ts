/** Text and tokens. */
export { Detokenizer } from "./detokenizer.ts";
export { createTokenizer, type Tokenizer, type TokenizerOptions } from "./tokenizer.ts";
export { assertSameVocabulary, type Vocabulary } from "./vocabulary.ts";
