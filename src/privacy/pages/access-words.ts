export { actionWords, whoWords, whyWords } from '../../rights/access/look-words.ts'
