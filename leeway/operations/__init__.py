"""Operations on classifiers and the platform's processes."""
