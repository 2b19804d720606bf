import type { LogResult } from './verify-log.ts'

/** What README.txt of an exported folder says, in Chinese and in English. */
export function readmeText(
  log: Pick<LogResult, 'size'> & { readonly shards: readonly { origin: string; vkey: string }[] },
): string {
  const keys = log.shards.map(({ vkey }) => `    ${vkey}`).join('\n')
  return `审计日志
========

本文件夹是一份完整的审计日志，共 ${log.size} 条，可离线核验：不需要网络、数据库、网关，也不需要安装任何软件包。

核验（Node 20 或更高版本）：

    node verify.mjs
    node verify.mjs --json
    node verify.mjs --key '<日志公钥>' --known <您以前留存的检查点文件>

退出码：0 表示完好，1 表示发现问题，2 表示用法有误。

请注意：
  * 日志公钥应当从别处取得（例如合同、网站或上一次审计），并用 --key 给出；否则只能证明本文件夹前后一致，
    不能证明它出自谁手。
  * 请把每次核验过的 checkpoint 文件留存下来。下一次用 --known 给出，就能发现回滚、截断和分叉。
  * 有见证人（witness）时，用 --witness '<见证人公钥>' 给出其公钥；条目时间若早于见证时间，会被报告为 back-dated。
  * 核验程序随本文件夹提供，代码未经压缩，可以通读；格式是公开的，您也可以使用自己的程序。

问题种类：
  changed 内容被改动　missing 缺少条目　unexpected 多出条目　root 与已签名的检查点不符　signature 签名无效
  key 公钥不是您给出的　truncated 日志被截短　fork 同一日志签出了互相矛盾的检查点　tile 哈希块不符
  not-canonical 不是规范 JSON　back-dated 时间被提前　file 文件无法读取　unsigned 末尾尚未签名（仅提示）


The audit log
=============

This folder is a whole audit log, ${log.size} entries. It can be checked offline: no network, no database, no gateway, no package.

Check it (Node 20 or later):

    node verify.mjs
    node verify.mjs --json
    node verify.mjs --key '<the log's key>' --known <checkpoints that you kept>

Exit codes: 0 it is whole, 1 something was found, 2 bad usage.

Please note:
  * Take the log's key from elsewhere (a contract, a web page, the audit before) and give it with --key. Without it you
    learn that the folder agrees with itself, not whose it is.
  * Keep the file "checkpoint" of every shard that you checked. Given with --known the next time, it shows a log that was
    rolled back, cut off or forked.
  * Where there are witnesses give their keys with --witness. An entry that says an earlier time than a witness saw the
    log without it is then reported as back-dated.
  * The verifier comes with the folder, as plain code to be read. The formats are public: use your own program if you like.

Layout, one folder per shard (a shard is a tree of its own, one a year):

    log.json                       the shards, oldest first, and the index of their first entry
    shards/<name>/checkpoint       the newest signed checkpoint          c2sp.org/tlog-checkpoint
    shards/<name>/checkpoints.txt  all of them, an empty line between two
    shards/<name>/vkey             the key that signs them               c2sp.org/signed-note
    shards/<name>/tile/…           hashes and entries                    c2sp.org/tlog-tiles

Hashes are those of RFC 6962 with SHA-256. An entry is canonical JSON (RFC 8785).

Keys, as the log itself gives them:

${keys}
`
}
