// Runs a target without a fuzzer: every file of its corpus, then mutations of them made from a seed.
//
//   NAME_fuzz CORPUS [--seed N] [--inputs N] [--seconds S]   the corpus, then mutations until one limit is
//   reached NAME_fuzz CORPUS --seed N --only I [--keep FILE]         one mutation again, as a failure names
//   it NAME_fuzz FILE                                           one input
//
// The ith mutation depends on the seed, the corpus and i alone. Without --seed it is HOLDWATER_FUZZ_SEED, or
// a new one.
#include "tests/fuzz/check.hpp"

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <random>
#include <vector>

#include <unistd.h>

// A sanitizer ends the process by itself; where one is linked, it says first which input it was.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace {

namespace fs = std::filesystem;
using bytes = std::vector<std::uint8_t>;

constexpr std::size_t largest_input = 64 * 1024;

std::uint64_t chosen_seed() {
  const char* const given = std::getenv("HOLDWATER_FUZZ_SEED");
  return given ? std::stoull(given) : std::random_device{}();
}

struct arguments {
  fs::path corpus;
  std::uint64_t seed = chosen_seed();
  std::uint64_t inputs = 20000;
  double seconds = 1;
  std::optional<std::uint64_t> only;
  fs::path keep;
};

std::array<char, 512> running{}; // what a signal's handler says: which input it was

void say_which_input() {
  const auto size = std::char_traits<char>::length(running.data());
  if (::write(STDERR_FILENO, running.data(), size) < 0) std::_Exit(1);
}

void say_and_die(int signal) {
  say_which_input();
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void note_input(const char* format, auto... values) {
  std::snprintf(running.data(), running.size(), format, values...);
}

bytes read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  holdwater::fuzz::must(file.is_open(), "an input file can be opened");
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<fs::path> files_of(const fs::path& corpus) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(corpus))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class mutator {
 public:
  mutator(const std::vector<bytes>& corpus, std::uint64_t seed, std::uint64_t index)
      : corpus_(corpus), random_(seed * 0x9e3779b97f4a7c15ULL + index) {}

  bytes make() {
    bytes out = any_of_corpus();
    for (auto changes = 1 + below(8); changes > 0; --changes) change(out);
    out.resize(std::min(out.size(), largest_input));
    return out;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  const bytes& any_of_corpus() { return corpus_[below(corpus_.size())]; }

  // Bytes that mean something to one parser or another: lengths, markers, quotes, brackets.
  std::uint8_t telling_byte() {
    static constexpr char telling[] = "\x00\x01\x03\x04\x05\x0a\x11\x7f\x80\xfa\xfb\xfc\xfd\xfe\xff"
                                      "'\"`\\/*!-#;().,@?{}[]=$:% \n09aeNxX\x81\x5c";
    constexpr std::size_t count = sizeof(telling) - 1;
    return static_cast<std::uint8_t>(below(3) == 0 ? random_() : telling[below(count)]);
  }

  void change(bytes& out) {
    const auto at = out.begin() + static_cast<std::ptrdiff_t>(below(out.size() + 1));
    const auto until = at + static_cast<std::ptrdiff_t>(below(1 + std::min<std::size_t>(out.end() - at, 16)));
    switch (below(6)) {
    case 0: return insert(out, at, bytes(1 + below(4), telling_byte()));
    case 1: out.erase(at, until); return;
    case 2: return insert(out, at, bytes(at, until)); // the same again
    case 3: return insert(out, at, piece());
    case 4:
      if (at != out.end()) *at ^= static_cast<std::uint8_t>(1u << below(8));
      return;
    default:
      if (at != out.end()) *at = telling_byte();
    }
  }

  static void insert(bytes& out, bytes::iterator at, const bytes& what) {
    out.insert(at, what.begin(), what.end());
  }

  bytes piece() { // of another input
    const bytes& other = any_of_corpus();
    const auto from = other.begin() + static_cast<std::ptrdiff_t>(below(other.size() + 1));
    return {from,
            from + static_cast<std::ptrdiff_t>(below(1 + std::min<std::size_t>(other.end() - from, 64)))};
  }

  const std::vector<bytes>& corpus_;
  std::mt19937_64 random_;
};

void run(const bytes& one) {
  LLVMFuzzerTestOneInput(one.data(), one.size());
}

void run_mutation(const std::vector<bytes>& corpus, const arguments& given, std::uint64_t index) {
  note_input("while running a mutation; again: %s --seed %llu --only %llu\n", given.corpus.c_str(),
             static_cast<unsigned long long>(given.seed), static_cast<unsigned long long>(index));
  const bytes one = mutator(corpus, given.seed, index).make();
  if (!given.keep.empty())
    std::ofstream(given.keep, std::ios::binary)
        .write(reinterpret_cast<const char*>(one.data()), static_cast<std::streamsize>(one.size()));
  run(one);
}

std::vector<bytes> run_corpus(const fs::path& where) {
  std::vector<bytes> corpus;
  for (const auto& path : files_of(where)) {
    note_input("while running %s\n", path.c_str());
    corpus.push_back(read(path));
    run(corpus.back());
  }
  run({});
  holdwater::fuzz::must(!corpus.empty(), "there is a corpus");
  return corpus;
}

std::uint64_t run_mutations(const std::vector<bytes>& corpus, const arguments& given) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(given.seconds);
  std::uint64_t done = 0;
  while (done < given.inputs && std::chrono::steady_clock::now() < end) run_mutation(corpus, given, done++);
  return done;
}

arguments read_arguments(int argc, char** argv) {
  arguments given;
  const auto number = [&](int at) { return std::strtoull(argv[at], nullptr, 10); };
  if (argc > 1) given.corpus = argv[1];
  for (int i = 2; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    if (name == "--seed") given.seed = number(i + 1);
    if (name == "--inputs") given.inputs = number(i + 1);
    if (name == "--seconds") given.seconds = std::strtod(argv[i + 1], nullptr);
    if (name == "--only") given.only = number(i + 1);
    if (name == "--keep") given.keep = argv[i + 1];
  }
  return given;
}

} // namespace

int main(int argc, char** argv) {
  const arguments given = read_arguments(argc, argv);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, say_and_die);
  if (__sanitizer_set_death_callback != nullptr) __sanitizer_set_death_callback(say_which_input);
  if (!fs::exists(given.corpus)) return std::fprintf(stderr, "%s: there is no such input\n", argv[0]), 2;
  if (!fs::is_directory(given.corpus)) return run(read(given.corpus)), 0;
  const auto corpus = run_corpus(given.corpus);
  if (given.only) return run_mutation(corpus, given, *given.only), 0;
  std::printf("seed %llu\n", static_cast<unsigned long long>(given.seed));
  std::fflush(stdout);
  const auto done = run_mutations(corpus, given);
  std::printf("%zu inputs of the corpus and %llu mutations held\n", corpus.size(),
              static_cast<unsigned long long>(done));
}
