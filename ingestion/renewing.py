"""Streams are written anew: what is deleted from one stays in its memory, and in Redis' file, for as long as anything
that lies beside it."""

from profiles import keys
from profiles.clients import Client

MOST_REFUSALS = 20_000
MOST_RECORDS = 1_000  # of a longer log what was deleted goes soon, as it moves on

# KEYS: the stream. ARGV: how many entries it may have. The same entries under the same ids, and the same end.
_RENEW = """
if redis.call('XLEN', KEYS[1]) > tonumber(ARGV[1]) then return 0 end
local info, last = redis.call('XINFO', 'STREAM', KEYS[1]), nil
for i = 1, #info, 2 do if info[i] == 'last-generated-id' then last = info[i + 1] end end
local entries = redis.call('XRANGE', KEYS[1], '-', '+')
redis.call('DEL', KEYS[1])
for _, entry in ipairs(entries) do redis.call('XADD', KEYS[1], entry[1], unpack(entry[2])) end
local held = #entries > 0 and entries[#entries][1]
if held ~= last and last ~= '0-0' then
  redis.call('XADD', KEYS[1], last, 'end', '')
  redis.call('XDEL', KEYS[1], last)
end
return 1
"""


def renew_streams(client: Client, *, partitions: int) -> None:
    """Those that hold events as they came, unless they are too long for it."""
    renew = client.register_script(_RENEW)
    found = {keys.REFUSED: MOST_REFUSALS}
    for number in range(partitions):
        found |= dict.fromkeys((keys.log(number), keys.accepted(number)), MOST_RECORDS)
    for stream, most in found.items():
        if client.exists(stream):
            renew(keys=[stream], args=[most])
