#pragma once
// For this room's .cc files only: rows of files and their segments, written inside another's
// transaction.

#include "store/rows.h"

#include <soci/soci.h>

namespace quarry::store {

void insert_file(soci::session& sql, const FileRow& file);
// Replaces the segment of that number: a repeated step writes it again.
void put_segment(soci::session& sql, const FileId& file, const SegmentRow& segment);

}  // namespace quarry::store
