/** Text and tokens. */
export { ChatTemplates } from "./chat-template.ts";
export { Detokenizer } from "./detokenizer.ts";
export { createTokenizer, type Tokenizer, type TokenizerOptions } from "./tokenizer.ts";
export { assertSameVocabulary, type Vocabulary } from "./vocabulary.ts";
