// Objects of C libraries as owning pointers: each is given back by the function that its manual page names.
#pragma once

#include <memory>

namespace holdwater::protocol {

template <auto Free>
struct freed_by {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};

// For instance c_ptr<BIO, &BIO_free>.
template <class T, auto Free>
using c_ptr = std::unique_ptr<T, freed_by<Free>>;

} // namespace holdwater::protocol
