"""Words of the sandbox's page: the cases, how far a client is, what to try next."""

from __future__ import annotations

from api.sandbox_rules import Case, Verdict

VERDICT_TEXT = {
    Verdict.NOT_TRIED: ("まだ試していません", "not tried"),
    Verdict.REFUSED: ("正しく断られました。まだ直して送っていません", "refused"),
    Verdict.HANDLED: ("対応できています", "handled"),
    Verdict.WRONG: ("このままでは困ります", "would do harm"),
}
CASE_TEXT = {
    Case.WRONG_KEY: ("鍵の間違い", "wrong key"),
    Case.RETRY: ("送り直し", "retry"),
    Case.REUSED_KEY: ("送り直しの番号の使い回し", "reused Idempotency-Key"),
    Case.BAD_TIME: ("日時の間違い", "bad date"),
    Case.HUGE_TEXT: ("長すぎる文章", "huge text"),
    Case.JAPANESE_TEXT: ("日本語の文字", "Japanese text"),
    Case.UNKNOWN_FIELD: ("知らない項目", "unknown field"),
    Case.NO_PLACE: ("場所のない相談", "no place"),
    Case.RATE_LIMIT: ("送りすぎ", "rate limit"),
    Case.STALE_VERSION: ("ほかの人が先に変更", "stale version"),
    Case.SERVER_TROUBLE: ("サービスの一時停止", "server trouble"),
}
# What to send, and what should follow.
NEXT_TEXT = {
    Case.WRONG_KEY: (
        "違う鍵か期限切れの鍵で送ると401です。正しい鍵に替えて送り直します",
        "send with a wrong or expired key (401), then with the right one",
    ),
    Case.RETRY: (
        "同じ Idempotency-Key と本文を2回送ると、2回目は200で同じカルテです",
        "send the same Idempotency-Key and body twice: 200 and the same chart",
    ),
    Case.REUSED_KEY: (
        "同じ Idempotency-Key で別の本文を送ると409です。新しい番号で送り直します",
        "send another body under a used Idempotency-Key (409), then under a new one",
    ),
    Case.BAD_TIME: (
        "時差のない日時や和暦は422です。2026-11-24T09:05:00+09:00 の形にします",
        "send a time without offset or of another era (422), then a right one",
    ),
    Case.HUGE_TEXT: (
        "4,001文字以上の説明は422、大きすぎる本文は413です。短くして送り直します",
        "send more than 4,000 characters (422, or 413), then fewer",
    ),
    Case.JAPANESE_TEXT: (
        "日本語の説明をUTF-8で送ります。文字化けしていないかを見ます",
        "send a description in Japanese as UTF-8; it must arrive unharmed",
    ),
    Case.UNKNOWN_FIELD: (
        "一覧にない項目を送ると422です。項目の名前を直して送り直します",
        "send a field that does not exist (422), then without it",
    ),
    Case.NO_PLACE: (
        "住所・目標物・座標のどれもないと422です。どれかを入れて送り直します",
        "send neither address, landmark nor position (422), then one of them",
    ),
    Case.RATE_LIMIT: (
        "X-Sandbox-Trouble: 429 を付けて送り、Retry-After の秒数だけ待ちます",
        "send with X-Sandbox-Trouble: 429, then wait as long as Retry-After says",
    ),
    Case.STALE_VERSION: (
        "古い version で変更すると409か412です。読み直してから変更します",
        "change a chart with an old version (409 or 412), read it again, change it",
    ),
    Case.SERVER_TROUBLE: (
        "X-Sandbox-Trouble: 503 を付けると止まります。付けずに同じ内容を送り直します",
        "send with X-Sandbox-Trouble: 503, then the same without",
    ),
}
