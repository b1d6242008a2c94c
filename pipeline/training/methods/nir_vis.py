"""What the methods share that train on faces in two bands."""

from collections.abc import Collection, Mapping

from pipeline.errors import StageError
from pipeline.params.train_nir_vis import NirVisParams
from pipeline.store.shards import ShardFolder
from pipeline.training.data.labels import people_in
from pipeline.training.data.sample_set import Part, SampleSet, of_samples
from pipeline.training.methods.recogniser import Recogniser


class NirVisMethod(Recogniser):
    """A method on aligned faces and their parts, masked ones in the second band if asked for."""

    inputs = ("parts",)
    params: NirVisParams

    @classmethod
    def check_people(cls, params: NirVisParams, samples: SampleSet) -> None:
        """Refuse samples of too few people, before anything is built.

        Raises:
            StageError: fewer people have images in both bands than a batch, or a queue, needs.
        """
        found, known = people_in(samples, params.bands)
        if told := params.too_few(found, known):
            raise StageError(told)

    @classmethod
    def parts(
        cls, params: NirVisParams, folders: Mapping[str, ShardFolder], ids: Collection[str]
    ) -> list[Part]:
        """Return the rows to train on.

        Args:
            params: of the training.
            folders: ``parts``, and ``masks`` where the second band's images are masked.
            ids: samples of a fold's table ``train``.

        Raises:
            StageError: masked faces are wanted of a data set that has none.
        """
        if params.second_rows == "parts":
            return [Part(folders["parts"], of_samples(ids, *params.bands))]
        if params.second_rows not in folders:
            raise StageError(
                f"{params.dataset} has no stage `{params.second_rows}`: set second_rows to parts"
            )
        first, second = params.bands
        return [
            Part(folders["parts"], of_samples(ids, first)),
            Part(folders[params.second_rows], of_samples(ids, second), made_of=folders["parts"]),
        ]
