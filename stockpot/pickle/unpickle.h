// A restricted unpickler: turns a pickle into inert data (value.h) and never looks up, imports
// or runs anything. Every opcode checks the types of what it works on: SETITEM(S) wants a dict
// or an inert object, APPEND(S) a list, ADDITEMS a set, BUILD an object without a meaning of
// its own, and so on (CVE-2026-24747 was a restricted unpickler without these checks).
//
// Protocols 1 to 5 are read as torch.save and Python's picklers write them. Refused, with the
// opcode and its offset: the opcodes of protocol 0 (torch cannot write it: its persistent ids
// are tuples), INST, OBJ, EXT1/2/4 and out-of-band buffers. Within limits: 160 MB of values,
// a stack of a million, 1000 nested containers, lengths that the input has.
#pragma once

#include <cstddef>
#include <span>

#include "stockpot/base/file.h"
#include "stockpot/pickle/value.h"

namespace stockpot {

// Reads one pickle from the start of `bytes`, which must outlive the result; more may follow
// (see Pickle::consumed). Throws FormatError "<origin>: byte <offset>: <opcode>: ...".
Pickle unpickle(std::span<const std::byte> bytes, const fs::path& origin);

}  // namespace stockpot
