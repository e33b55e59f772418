#include "protocol/compression.hpp"

#include "protocol/c_ptr.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <vector>
#include <zlib.h>
#include <zstd.h>

namespace holdwater::protocol {
namespace {

// Below this the header and the library's own bytes eat what is won: the servers' limit too.
constexpr std::size_t smallest_compressed = 50;
// A packet expands to less than 16 MiB, so no honest one looks back further.
constexpr int largest_zstd_window = 24;
// What a resting engine may hold; a larger one is given back.
constexpr std::size_t kept_engine_size = 1 << 20;
constexpr std::size_t kept_engines = 16;

std::uint32_t three_bytes(const std::uint8_t* at) {
  return static_cast<std::uint32_t>(at[0] | at[1] << 8 | at[2] << 16);
}

void put_three_bytes(std::uint8_t* at, std::size_t value) {
  at[0] = static_cast<std::uint8_t>(value);
  at[1] = static_cast<std::uint8_t>(value >> 8);
  at[2] = static_cast<std::uint8_t>(value >> 16);
}

} // namespace

compression compression_of(capabilities agreed) {
  if ((agreed & cap::compress) != 0) return compression::zlib;
  return (agreed & cap::zstd_compression) != 0 ? compression::zstd : compression::none;
}

// ------------------------------------------------------------------------------------------- compressing

struct packet_compressor::engines {
  z_stream zlib{};
  bool has_zlib = false;
  c_ptr<ZSTD_CCtx, &ZSTD_freeCCtx> zstd;

  ~engines() {
    if (has_zlib) deflateEnd(&zlib);
  }
};

packet_compressor::packet_compressor() : engines_(std::make_unique<engines>()) {}
packet_compressor::~packet_compressor() = default;

void packet_compressor::append(byte_buffer& out, std::uint8_t sequence, byte_span plain, compression how,
                               int level) {
  assert(!plain.empty() && plain.size() <= max_packet_payload && how != compression::none);
  const auto start = out.size();
  out.resize(start + compressed_header_size + plain.size());
  const std::span<std::uint8_t> body(out.data() + start + compressed_header_size, plain.size());
  const auto size = plain.size() < smallest_compressed ? 0 : compress(body, plain, how, level);
  const bool stored = size == 0;
  if (stored) std::copy(plain.begin(), plain.end(), body.begin());
  out.resize(start + compressed_header_size + (stored ? plain.size() : size));
  auto* const header = out.data() + start;
  put_three_bytes(header, stored ? plain.size() : size);
  header[3] = sequence;
  put_three_bytes(header + 4, stored ? 0 : plain.size());
}

// Into less than all of `out`; 0 when it does not fit there.
std::size_t packet_compressor::compress(std::span<std::uint8_t> out, byte_span plain, compression how,
                                        int level) {
  if (how == compression::zstd) {
    if (!engines_->zstd) engines_->zstd.reset(ZSTD_createCCtx());
    if (!engines_->zstd) throw std::bad_alloc();
    const auto size = ZSTD_compressCCtx(engines_->zstd.get(), out.data(), out.size() - 1, plain.data(),
                                        plain.size(), level);
    return ZSTD_isError(size) ? 0 : size;
  }
  auto& stream = engines_->zlib;
  if (!engines_->has_zlib && deflateInit(&stream, zlib_level) != Z_OK) throw std::bad_alloc();
  engines_->has_zlib = true;
  deflateReset(&stream);
  stream.next_in = const_cast<Bytef*>(plain.data()); // zlib does not write there
  stream.avail_in = static_cast<uInt>(plain.size());
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size() - 1);
  return deflate(&stream, Z_FINISH) == Z_STREAM_END ? stream.total_out : 0;
}

// --------------------------------------------------------------------------------------------- expanding

// Either library's stream. Resting ones wait for the thread's next packet.
class expander {
 public:
  explicit expander(compression kind) : how(kind) {
    if (how == compression::zlib) {
      if (inflateInit(&zlib_) != Z_OK) throw std::bad_alloc();
      return;
    }
    zstd_.reset(ZSTD_createDCtx());
    if (!zstd_) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(zstd_.get(), ZSTD_d_windowLogMax, largest_zstd_window);
  }
  ~expander() {
    if (how == compression::zlib) inflateEnd(&zlib_);
  }
  expander(const expander&) = delete;
  expander& operator=(const expander&) = delete;

  static std::unique_ptr<expander> take(compression kind) {
    auto& all = resting();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one->how == kind; });
    if (found == all.end()) return std::make_unique<expander>(kind);
    auto taken = std::move(*found);
    all.erase(found);
    taken->reset();
    return taken;
  }
  static void put_back(std::unique_ptr<expander> one) {
    const bool large = one->zstd_ != nullptr && ZSTD_sizeof_DCtx(one->zstd_.get()) > kept_engine_size;
    if (!large && resting().size() < kept_engines) resting().push_back(std::move(one));
  }

  struct step {
    std::size_t consumed = 0;
    std::size_t produced = 0;
    bool ended = false;
    bool failed = false;
  };
  step run(byte_span in, std::span<std::uint8_t> out) {
    return how == compression::zlib ? run_zlib(in, out) : run_zstd(in, out);
  }

  const compression how;

 private:
  static std::vector<std::unique_ptr<expander>>& resting() {
    thread_local std::vector<std::unique_ptr<expander>> all;
    return all;
  }

  void reset() {
    if (how == compression::zlib)
      inflateReset(&zlib_);
    else
      ZSTD_DCtx_reset(zstd_.get(), ZSTD_reset_session_only);
  }

  step run_zlib(byte_span in, std::span<std::uint8_t> out) {
    zlib_.next_in = const_cast<Bytef*>(in.data()); // zlib does not write there
    zlib_.avail_in = static_cast<uInt>(in.size());
    zlib_.next_out = out.data();
    zlib_.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&zlib_, Z_NO_FLUSH);
    const bool ended = result == Z_STREAM_END;
    return {in.size() - zlib_.avail_in, out.size() - zlib_.avail_out, ended,
            !ended && result != Z_OK && result != Z_BUF_ERROR};
  }

  step run_zstd(byte_span in, std::span<std::uint8_t> out) {
    ZSTD_inBuffer from{in.data(), in.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    const auto result = ZSTD_decompressStream(zstd_.get(), &to, &from);
    return {from.pos, to.pos, result == 0, ZSTD_isError(result) != 0};
  }

  z_stream zlib_{};
  c_ptr<ZSTD_DCtx, &ZSTD_freeDCtx> zstd_;
};

packet_expander::packet_expander(compression how) : how_(how) {}
packet_expander::~packet_expander() = default;

result<packet_expander::progress> packet_expander::feed(byte_span in, std::span<std::uint8_t> room) {
  assert(!room.empty());
  if (broken_) return errc::malformed_packet;
  auto done = !in_packet_ ? take_header(in) : stored_ ? take_stored(in, room) : expand(in, room);
  broken_ = done.has_error();
  return done;
}

result<packet_expander::progress> packet_expander::take_header(byte_span in) {
  const auto count = std::min(in.size(), compressed_header_size - header_seen_);
  std::copy_n(in.begin(), count, header_.begin() + static_cast<std::ptrdiff_t>(header_seen_));
  header_seen_ += count;
  if (header_seen_ < compressed_header_size) return progress{count, 0, false};
  missing_in_ = three_bytes(header_.data());
  missing_out_ = three_bytes(header_.data() + 4);
  stored_ = missing_out_ == 0;
  in_packet_ = true;
  filled_room_ = false;
  if (!stored_) engine_ = expander::take(how_);
  if (stored_ && missing_in_ == 0) end_packet();
  return progress{count, 0, true};
}

result<packet_expander::progress> packet_expander::take_stored(byte_span in, std::span<std::uint8_t> room) {
  const auto count = std::min({in.size(), room.size(), missing_in_});
  std::copy_n(in.begin(), count, room.begin());
  missing_in_ -= count;
  if (missing_in_ == 0) end_packet();
  return progress{count, count, false};
}

// The header's two lengths must both be right: the stream ends where they do.
result<packet_expander::progress> packet_expander::expand(byte_span in, std::span<std::uint8_t> room) {
  std::uint8_t beyond = 0; // room for the stream's end when all is out, and for a byte too many
  const bool all_out = missing_out_ == 0;
  const auto from = in.first(std::min(in.size(), missing_in_));
  const auto to = all_out ? std::span(&beyond, 1) : room.first(std::min(room.size(), missing_out_));
  const auto step = engine_->run(from, to);
  if (step.failed || (all_out && step.produced > 0)) return errc::malformed_packet;
  missing_in_ -= step.consumed;
  if (!all_out) missing_out_ -= step.produced;
  filled_room_ = step.produced == to.size();
  if (step.ended) {
    if (missing_in_ != 0 || missing_out_ != 0) return errc::malformed_packet;
    end_packet();
  } else if (missing_in_ == 0 && !filled_room_) {
    return errc::malformed_packet; // it wants more than the packet has
  }
  return progress{step.consumed, all_out ? 0 : step.produced, false};
}

void packet_expander::end_packet() {
  in_packet_ = false;
  header_seen_ = 0;
  if (engine_) expander::put_back(std::move(engine_));
}

} // namespace holdwater::protocol
