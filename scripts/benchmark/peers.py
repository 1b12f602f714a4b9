# SPDX-License-Identifier: Apache-2.0
"""Other heap profilers, as Debian ships them, each set to record every allocation."""

import collections

# base: the variant without profiler that it is compared with; words: before the command; settings: environment.
# OUT is where it writes.
Peer = collections.namedtuple("Peer", "base words settings")

PEERS = {
    # heaptrack's library alone, which writes its raw data to a file
    "heaptrack preload": Peer("forward", (), {"LD_PRELOAD": "/usr/lib/heaptrack/libheaptrack_preload.so",
                                              "DUMP_HEAPTRACK_OUTPUT": "OUT/heaptrack.$$.raw"}),
    # with the programs beside it that heaptrack needs for a profile: an interpreter and a compressor
    "heaptrack": Peer("forward", ("heaptrack", "-o", "OUT/heaptrack"), {}),
    # a dump at the end only, not after so many bytes
    "gperftools": Peer("tcmalloc", (), {"LD_PRELOAD": "libtcmalloc.so.4", "HEAPPROFILE": "OUT/gperftools",
                                        "HEAP_PROFILE_ALLOCATION_INTERVAL": "0", "HEAP_PROFILE_INUSE_INTERVAL": "0"}),
    "jemalloc": Peer("jemalloc off", (), {"LD_PRELOAD": "libjemalloc.so.2",
                                          "MALLOC_CONF": "prof:true,prof_accum:true,prof_final:true,lg_prof_sample:0,prof_prefix:OUT/jemalloc"}),
}
# The allocators that peers bring, without profiling.
ALLOCATORS = {"tcmalloc": "libtcmalloc.so.4", "jemalloc off": "libjemalloc.so.2"}


def fill_in(word, directory):
    """A word of a peer, with the directory that it writes to."""
    return word.replace("OUT", str(directory))
