-- Identifiers that were seen again by themselves, each by itself: their times are widened where they stand.
-- KEYS: the view's epoch. ARGV: the epoch expected, the view's prefix, then for each its node's key, and when it was
--       first seen, last seen and first taken in (8 bytes each, as in a node).
-- Returns 'epoch' where Redis lost its data, else number (from 1) and value (nil for none) of those that are left as
-- they are: the view does not have them, or something is to be decided.
if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 'epoch' end
local call, sub, pack, unpack, prefix, left = redis.call, string.sub, struct.pack, struct.unpack, ARGV[2], {}
for i = 3, #ARGV, 2 do
  local key, seen = prefix .. ARGV[i], ARGV[i + 1]
  -- Version (8 bytes), hash of the customer (16), first seen, last seen, first taken in (8 each), flags (1).
  local head = call('GETRANGE', key, '0', '48')
  local is_plain = #head == 49
  if is_plain then
    local first, last, taken, flags = unpack('>i8i8i8B', head, 25)
    local since, till, at = unpack('>i8i8i8', seen)
    -- One that expired (4) may come back to life; one that was taken in earlier may give another id.
    is_plain = flags % 8 < 4 and at >= taken
    if is_plain and (since < first or till > last) then
      -- Times are taken over as they are: Lua's numbers hold them, but not all that a time may be.
      call('SETRANGE', key, '0', pack('>I8', unpack('>I8', head) + 1) .. sub(head, 9, 24)
        .. sub(since < first and seen or sub(head, 25), 1, 8) .. sub(till > last and seen or sub(head, 25), 9, 16))
    end
  end
  if not is_plain then
    left[#left + 1] = (i - 1) / 2
    left[#left + 1] = call('GET', key)
  end
end
return left
